// A device that sends mail with nodemailer. For its arguments and what it prints see ../others.py.
"use strict";

const fs = require("fs");
const SMTPConnection = require("nodemailer/lib/smtp-connection");

const [port, authority, type, token, address, messages, ending, ...logins] = process.argv.slice(2);

// nodemailer has no CLIENTID of its own: what a program can say before it logs
// in is a "custom authentication".
async function presentIdentity({ sendCommand }) {
    const reply = await sendCommand(`CLIENTID ${type} ${token}`);
    console.log("CLIENTID", reply.status);
}

const connection = new SMTPConnection({
    host: "127.0.0.1",
    port: Number(port),
    requireTLS: true,
    tls: { ca: fs.readFileSync(authority), checkServerIdentity: () => undefined },
    customAuth: { CLIENTID: presentIdentity },
});

const connect = () => new Promise((resolve) => connection.connect(resolve));

const logIn = (method, pass) =>
    new Promise((resolve) => connection.login({ method, credentials: { user: address, pass } }, resolve));

const send = (number) =>
    new Promise((resolve, reject) => {
        const message = `From: ${address}\r\nTo: ${address}\r\nSubject: message ${number}\r\n\r\nHello\r\n`;
        connection.send({ from: address, to: [address] }, message, (error, info) =>
            error ? reject(error) : resolve(Number(info.response.slice(0, 3)))
        );
    });

async function main() {
    await connect();
    if (type) {
        await logIn("CLIENTID", "-");
        connection.authenticated = false;
    }
    let refusal = true;
    while (logins.length) {
        const method = logins.shift();
        refusal = await logIn(method, logins.shift());
        console.log(method, refusal ? refusal.responseCode : 235);
    }
    for (let number = 0; !refusal && number < Number(messages); number++) {
        console.log("message", await send(number));
    }
    if (ending === "quit") connection.quit();
    else connection.close();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
