/* Preloaded by a test: while the file $ESH_FSYNC_FAILS is there, fsync and fdatasync fail, and what was written to the
 * file since its last sync is gone, as after a failed write-back: the pages count as clean, the disk has zeros. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct written { int fd; off_t from; size_t count; };
static struct written since[65536];
static size_t used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(int fd, off_t from, ssize_t count) {
    struct stat file;
    if (count <= 0 || from < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return;
    pthread_mutex_lock(&lock);
    if (used < sizeof since / sizeof since[0]) since[used++] = (struct written){fd, from, (size_t)count};
    pthread_mutex_unlock(&lock);
}

static int synced(int fd, long call) {
    const char *flag = getenv("ESH_FSYNC_FAILS");
    int fails = flag && access(flag, F_OK) == 0;
    pthread_mutex_lock(&lock);
    size_t kept = 0;
    for (size_t at = 0; at < used; at++) {
        if (since[at].fd != fd) { since[kept++] = since[at]; continue; }
        if (!fails) continue;
        static const char zeros[65536];
        for (size_t done = 0; done < since[at].count;) {
            size_t left = since[at].count - done, piece = left < sizeof zeros ? left : sizeof zeros;
            if (syscall(SYS_pwrite64, fd, zeros, piece, since[at].from + (off_t)done) <= 0) break;
            done += piece;
        }
    }
    used = kept;
    pthread_mutex_unlock(&lock);
    if (fails) { errno = EIO; return -1; }
    return (int)syscall(call, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

ssize_t pwrite64(int fd, const void *from, size_t count, off_t at) {
    ssize_t written = syscall(SYS_pwrite64, fd, from, count, at);
    note(fd, at, written);
    return written;
}
ssize_t pwrite(int fd, const void *from, size_t count, off_t at) { return pwrite64(fd, from, count, at); }

ssize_t write(int fd, const void *from, size_t count) {
    ssize_t written = syscall(SYS_write, fd, from, count);
    if (written > 0) note(fd, lseek(fd, 0, SEEK_CUR) - written, written);
    return written;
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    size_t kept = 0;
    for (size_t at = 0; at < used; at++)
        if (since[at].fd != fd) since[kept++] = since[at];
    used = kept;
    pthread_mutex_unlock(&lock);
    return (int)syscall(SYS_close, fd);
}
