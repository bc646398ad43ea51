//! HTTP/1.1 by hand over httparse: requests, bodies, responses, the listener and the static site.
