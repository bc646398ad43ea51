/* The yardstick: a bare loop of epoll and send(), one thread, no library.
 *
 * A plain broadcast server: every client that asks for the same path is in one room, and whatever
 * text frame one of them sends, all of them get, the sender too. No accounts, no JSON, no storage, no
 * limits: what is left is the price of the kernel, which nobody who sends one frame per member and
 * message can go below. Frames that arrive in one read are sent together.
 *
 *   cc -O2 -o epoll_loop epoll_loop.c && ./epoll_loop 9001
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 1024,
    SCRATCH = 256 * 1024,
    ROOMS = 65536,
    PATH = 64,
    BACKLOG_MAX = 1024 * 1024, /* kept for a client that does not read; then it is dropped */
    HELD_MAX = 1024 * 1024,    /* of a request or frame that is not whole */
};

struct client {
    int fd, room, place, upgraded;
    char *held; /* an unfinished request or frame */
    size_t held_len;
    char *out; /* what the kernel has not taken */
    size_t out_len;
};

struct room {
    char path[PATH];
    struct client **members;
    int count, capacity;
};

static struct room rooms[ROOMS];
static int epoll_fd;
static char scratch[SCRATCH], batch[2 * SCRATCH + HELD_MAX];

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* SHA-1 (RFC 3174) of a short text, for the handshake only. */
static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1(const char *text, size_t len, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[128] = {0};
    size_t total = len + 9 <= 64 ? 64 : 128;
    memcpy(padded, text, len);
    padded[len] = 0x80;
    for (int i = 0; i < 8; i++) padded[total - 1 - i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
    for (size_t block = 0; block < total; block += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 16; i++) {
            uint8_t *p = padded + block + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d
                       : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t t = rotate(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = t;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *in, size_t len, char *out) {
    static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t n = (uint32_t)in[i] << 16 | (i + 1 < len ? in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);
        *out++ = table[n >> 18];
        *out++ = table[n >> 12 & 63];
        *out++ = i + 1 < len ? table[n >> 6 & 63] : '=';
        *out++ = i + 2 < len ? table[n & 63] : '=';
    }
    *out = 0;
}

static void watch(struct client *client, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(epoll_fd, op, client->fd, &event) < 0) die("epoll_ctl");
}

static void leave(struct client *client) {
    if (client->upgraded) {
        struct room *room = &rooms[client->room];
        struct client *last = room->members[--room->count];
        room->members[client->place] = last;
        last->place = client->place;
    }
    client->upgraded = 0;
}

/* Ends the connection; the memory goes when its own events are over. */
static void drop(struct client *client) {
    if (client->fd < 0) return;
    leave(client);
    close(client->fd);
    client->fd = -1;
}

static void release(struct client *client) {
    free(client->held);
    free(client->out);
    free(client);
}

/* Sends, and keeps what the kernel does not take. */
static void say(struct client *client, const char *bytes, size_t len) {
    if (client->fd < 0) return;
    ssize_t sent = 0;
    if (client->out_len == 0) {
        sent = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (sent == (ssize_t)len) return;
        if (sent < 0 && errno != EAGAIN) { shutdown(client->fd, SHUT_RDWR); return; }
        if (sent < 0) sent = 0;
    }
    size_t rest = len - (size_t)sent;
    if (client->out_len + rest > BACKLOG_MAX) { shutdown(client->fd, SHUT_RDWR); return; }
    int was_empty = client->out_len == 0;
    client->out = realloc(client->out, client->out_len + rest);
    if (!client->out) die("realloc");
    memcpy(client->out + client->out_len, bytes + sent, rest);
    client->out_len += rest;
    if (was_empty) watch(client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

static void flush(struct client *client) {
    ssize_t sent = send(client->fd, client->out, client->out_len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    client->out_len -= (size_t)sent;
    memmove(client->out, client->out + sent, client->out_len);
    if (client->out_len == 0) {
        free(client->out);
        client->out = NULL;
        watch(client, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static int find_room(const char *path) {
    uint32_t hash = 2166136261u;
    for (const char *p = path; *p; p++) hash = (hash ^ (uint8_t)*p) * 16777619u;
    for (int i = 0; i < ROOMS; i++) {
        int n = (int)((hash + (uint32_t)i) % ROOMS);
        if (!rooms[n].path[0]) strcpy(rooms[n].path, path);
        if (!strcmp(rooms[n].path, path)) return n;
    }
    fprintf(stderr, "too many rooms\n");
    exit(1);
}

static void join(struct client *client, int n) {
    struct room *room = &rooms[n];
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? 2 * room->capacity : 16;
        room->members = realloc(room->members, sizeof *room->members * (size_t)room->capacity);
        if (!room->members) die("realloc");
    }
    client->room = n;
    client->place = room->count;
    client->upgraded = 1;
    room->members[room->count++] = client;
}

/* Answers the upgrade; the length of the request, 0 if it is not whole, -1 if it is none. */
static ssize_t upgrade(struct client *client, char *bytes, size_t len) {
    char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (!end) return 0;
    char path[PATH], key[64], text[128], accept[32], answer[256];
    uint8_t digest[20];
    *end = 0;
    char *field = strcasestr(bytes, "\r\nSec-WebSocket-Key:");
    if (sscanf(bytes, "GET %63s", path) != 1 || !field || sscanf(field + 20, " %63s", key) != 1) return -1;
    int text_len = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, (size_t)text_len, digest);
    base64(digest, 20, accept);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    say(client, answer, (size_t)n);
    join(client, find_room(path));
    return end + 4 - bytes;
}

/* Takes whole frames; texts go into the batch as they will be sent. What was used, -1 on a close. */
static ssize_t frames(char *bytes, size_t len, size_t *batch_len) {
    size_t at = 0;
    while (len - at >= 6) {
        uint8_t *p = (uint8_t *)bytes + at;
        size_t size = p[1] & 127, head = 2;
        if (size == 126) {
            size = (size_t)p[2] << 8 | p[3];
            head = 4;
        } else if (size == 127) {
            return -1; /* nobody here says so much */
        }
        if (len - at < head + 4 + size) break;
        if ((p[0] & 15) == 8) return -1;
        if ((p[0] & 15) == 1) {
            char *out = batch + *batch_len;
            memcpy(out, p, head);
            out[1] &= 127;
            for (size_t i = 0; i < size; i++) out[head + i] = (char)(p[head + 4 + i] ^ p[head + (i & 3)]);
            *batch_len += head + size;
        }
        at += head + 4 + size;
    }
    return (ssize_t)at;
}

static void broadcast(struct room *room, size_t batch_len) {
    for (int i = 0; i < room->count; i++) say(room->members[i], batch, batch_len);
}

/* False: the connection is over. */
static int work(struct client *client, char *bytes, size_t len) {
    ssize_t used = 0;
    size_t batch_len = 0;
    if (!client->upgraded) {
        used = upgrade(client, bytes, len);
        if (used < 0) return 0;
    }
    if (client->upgraded) {
        ssize_t more = frames(bytes + used, len - (size_t)used, &batch_len);
        if (more < 0) return 0;
        used += more;
    }
    size_t rest = len - (size_t)used;
    if (rest > HELD_MAX / 2) return 0;
    char *held = rest ? malloc(rest) : NULL;
    if (rest) memcpy(held, bytes + used, rest);
    free(client->held);
    client->held = held;
    client->held_len = rest;
    if (batch_len) broadcast(&rooms[client->room], batch_len);
    return 1;
}

static int listen_to(struct client *client) {
    size_t kept = client->held_len;
    if (kept) memcpy(scratch, client->held, kept);
    ssize_t count = recv(client->fd, scratch + kept, sizeof scratch - kept, 0);
    if (count == 0) return 0;
    if (count < 0) return errno == EAGAIN;
    return work(client, scratch, kept + (size_t)count);
}

static void welcome(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = calloc(1, sizeof *client);
        if (!client) die("calloc");
        client->fd = fd;
        watch(client, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int bind_to(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 4096) < 0) die("listen");
    return listener;
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: %s PORT\n", argv[0]); return 2; }
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) { limit.rlim_cur = limit.rlim_max; setrlimit(RLIMIT_NOFILE, &limit); }
    signal(SIGPIPE, SIG_IGN);
    int listener = bind_to(atoi(argv[1]));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event own = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &own) < 0) die("epoll");
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) { welcome(listener); continue; }
            if (events[i].events & EPOLLOUT) flush(client);
            if (events[i].events & ~(uint32_t)EPOLLOUT && !listen_to(client)) {
                drop(client);
                release(client);
            }
        }
    }
}
