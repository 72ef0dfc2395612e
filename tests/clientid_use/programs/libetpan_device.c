/*
 * A device that sends mail with libetpan. For its arguments and what it prints
 * see ../others.py.
 */

#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trust(struct mailstream_ssl_context *context, void *file)
{
    mailstream_ssl_set_server_certicate(context, file, NULL);
}

static void must(int result, const char *what)
{
    if (result != MAILSMTP_NO_ERROR) {
        fprintf(stderr, "%s: %s\n", what, mailsmtp_strerror(result));
        exit(1);
    }
}

static void send_message(mailsmtp *session, const char *address, int number)
{
    char message[512];
    int size = snprintf(message, sizeof message,
                        "From: %s\r\nTo: %s\r\nSubject: message %d\r\n\r\nHello\r\n", address, address, number);

    must(mailesmtp_mail(session, address, 1, NULL), "MAIL");
    must(mailesmtp_rcpt(session, address, MAILSMTP_DSN_NOTIFY_FAILURE, NULL), "RCPT");
    must(mailsmtp_data(session), "DATA");
    must(mailsmtp_data_message(session, message, size), "message");
    printf("message %d\n", session->response_code);
}

int main(int count, char **argument)
{
    const char *type = argument[3], *token = argument[4], *address = argument[5];
    int messages = atoi(argument[6]);
    mailsmtp *session = mailsmtp_new(0, NULL);
    int result = MAILSMTP_ERROR_AUTH_LOGIN;

    must(mailsmtp_socket_connect(session, "127.0.0.1", atoi(argument[1])), "connection");
    must(mailesmtp_ehlo(session), "EHLO");
    must(mailsmtp_socket_starttls_with_callback(session, trust, argument[2]), "STARTTLS");
    must(mailesmtp_ehlo(session), "EHLO");
    if (*type) {
        must(mailesmtp_clientid(session, type, token), "CLIENTID");
        printf("CLIENTID %d\n", session->response_code);
    }
    for (int each = 8; each + 1 < count; each += 2) {
        result = mailesmtp_auth_sasl(session, argument[each], "mx.example.org", NULL, NULL, address,
                                     address, argument[each + 1], NULL);
        printf("%s %d\n", argument[each], session->response_code);
    }
    for (int number = 0; result == MAILSMTP_NO_ERROR && number < messages; number++)
        send_message(session, address, number);
    if (strcmp(argument[7], "quit") == 0)
        must(mailsmtp_quit(session), "QUIT");
    return 0;
}
