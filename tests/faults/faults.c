/*
 * A preload that does what disks and clocks do. The folder named by FAULTS has
 * the faults of the moment, a file each:
 *
 *   sync      fsync and fdatasync fail
 *   hang      fsync and fdatasync do not return as long as it is there
 *   readonly  nothing on a disk is made or changed: EROFS
 *   clock     the wall clock differs by the seconds that it holds
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_there(const char *fault)
{
    char path[4096];
    const char *folder = getenv("FAULTS");
    if (folder == NULL)
        return 0;
    snprintf(path, sizeof path, "%s/%s", folder, fault);
    return access(path, F_OK) == 0;
}

static int fails(const char *fault, int error)
{
    if (!is_there(fault))
        return 0;
    errno = error;
    return 1;
}

static int sync_fails(void)
{
    while (is_there("hang"))
        usleep(10000);
    return fails("sync", EIO);
}

int fsync(int descriptor)
{
    return sync_fails() ? -1 : REAL(fsync)(descriptor);
}

int fdatasync(int descriptor)
{
    return sync_fails() ? -1 : REAL(fdatasync)(descriptor);
}

static int is_on_disk(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

/* The log stays writable: whoever runs the test wants to read it. */
static int write_fails(int descriptor)
{
    return descriptor > 2 && is_on_disk(descriptor) && fails("readonly", EROFS);
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    return write_fails(descriptor) ? -1 : REAL(write)(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    return write_fails(descriptor) ? -1 : REAL(pwrite64)(descriptor, data, size, offset);
}

int ftruncate64(int descriptor, off64_t size)
{
    return write_fails(descriptor) ? -1 : REAL(ftruncate64)(descriptor, size);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && fails("readonly", EROFS))
        return -1;
    return REAL(open64)(path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return fails("readonly", EROFS) ? -1 : REAL(mkdir)(path, mode);
}

int link(const char *from, const char *to)
{
    return fails("readonly", EROFS) ? -1 : REAL(link)(from, to);
}

int rename(const char *from, const char *to)
{
    return fails("readonly", EROFS) ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
    return fails("readonly", EROFS) ? -1 : REAL(unlink)(path);
}

static time_t difference(void)
{
    char path[4096];
    long seconds = 0;
    const char *folder = getenv("FAULTS");
    FILE *file;
    if (folder == NULL || !is_there("clock"))
        return 0;
    snprintf(path, sizeof path, "%s/clock", folder);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%ld", &seconds) != 1)
            seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = REAL(clock_gettime)(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += difference();
    return result;
}

int gettimeofday(struct timeval *now, void *zone)
{
    int result = REAL(gettimeofday)(now, zone);
    if (result == 0)
        now->tv_sec += difference();
    return result;
}
