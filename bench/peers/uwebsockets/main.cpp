// A broadcast server on uWebSockets, written the way its authors advise: native publish and
// subscribe, which sends to each subscriber what one turn of the loop published in one go.
//
//   uwebsockets PORT     everybody on a path gets what anybody on it says

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "App.h"

struct Member {
    std::string path;
};

int main(int argc, char **argv) {
    int port = argc == 2 ? std::atoi(argv[1]) : 0;
    if (port <= 0) {
        std::fprintf(stderr, "usage: uwebsockets PORT\n");
        return 2;
    }
    uWS::App app;
    app.ws<Member>("/*", {
        .compression = uWS::DISABLED,
        .maxPayloadLength = 64 * 1024,
        .idleTimeout = 0,
        .maxBackpressure = 1024 * 1024,
        .closeOnBackpressureLimit = true,
        .resetIdleTimeoutOnSend = false,
        .sendPingsAutomatically = false,
        .upgrade = [](auto *res, auto *req, auto *context) {
            res->template upgrade<Member>(
                {std::string(req->getUrl())}, req->getHeader("sec-websocket-key"),
                req->getHeader("sec-websocket-protocol"),
                req->getHeader("sec-websocket-extensions"), context);
        },
        .open = [](auto *ws) { ws->subscribe(ws->getUserData()->path); },
        // The app's publish leaves nobody out; the socket's would leave out who spoke.
        .message = [&app](auto *ws, std::string_view message, uWS::OpCode code) {
            app.publish(ws->getUserData()->path, message, code);
        },
    });
    app.listen("127.0.0.1", port, [](us_listen_socket_t *listener) {
        if (!listener) {
            std::fprintf(stderr, "cannot listen\n");
            std::exit(1);
        }
        // The library asks for 512; every peer here gets the same queue.
        auto fd = (int) (long) us_socket_get_native_handle(0, (us_socket_t *) listener);
        listen(fd, 4096);
        std::puts("ready");
        std::fflush(stdout);
    });
    app.run();
}
