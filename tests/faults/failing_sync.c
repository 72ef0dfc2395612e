/* A preload under which fsync and fdatasync fail as long as a file is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int failing(void)
{
    const char *file = getenv("FAILING_SYNC");
    return file != NULL && access(file, F_OK) == 0;
}

int fsync(int descriptor)
{
    static int (*real)(int);
    if (failing()) {
        errno = EIO;
        return -1;
    }
    if (real == NULL)
        real = dlsym(RTLD_NEXT, "fsync");
    return real(descriptor);
}

int fdatasync(int descriptor)
{
    static int (*real)(int);
    if (failing()) {
        errno = EIO;
        return -1;
    }
    if (real == NULL)
        real = dlsym(RTLD_NEXT, "fdatasync");
    return real(descriptor);
}
