/* Video rooms inside a pre-forking web server: a module for kore 4.1 (two workers, chroot, another user, seccomp),
 * with Janus' videoroom plugin behind a WebSocket of the program's own. kore_room.html is its page.
 *
 *   cc -shared -fPIC kore_room.c $(pkg-config --cflags --libs janus_rs) -o kore_room.so
 *   ROOM_PAGE=kore_room.html ROOM_PLUGIN=/usr/lib/x86_64-linux-gnu/janus/plugins/libjanus_videoroom.so kore -c kore.conf
 *
 * with `load kore_room.so`, `route / page`, `route /ws door`, and `worker_accept_threshold 1`, so that all workers get connections.
 *
 * kore's parent loads the module and forks the workers. Each of these enters chroot, gives up its rights and most system calls, and
 * then calls kore_worker_configure(). So modules are opened in the parent, and the core is started in each worker: it then
 * has rooms of its own, and the page of a second person has to get to the same worker ("?worker=").
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <kore/kore.h>
#include <kore/http.h>
#include <kore/seccomp.h>
#include <kore/hooks.h>
#include <janus_rs.h>

/* What the core does besides what kore allows by itself; docs/embedding.md says what for. */
#define ALLOW KORE_SYSCALL_ALLOW
KORE_SECCOMP_FILTER("janus_rs",
	ALLOW(clone), ALLOW(clone3), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(sigaltstack), ALLOW(prctl), ALLOW(gettid),
	ALLOW(rt_sigpending), ALLOW(rt_sigprocmask), ALLOW(rt_sigaction), ALLOW(tgkill), ALLOW(membarrier), ALLOW(sched_yield),
	ALLOW(sched_getaffinity), ALLOW(prlimit64), ALLOW(madvise), ALLOW(mprotect), ALLOW(sysinfo), ALLOW(uname),
	ALLOW(getrandom), ALLOW(eventfd2), ALLOW(poll), ALLOW(ppoll), ALLOW(clock_nanosleep), ALLOW(pipe2),
	ALLOW(socket), ALLOW(bind), ALLOW(connect), ALLOW(getsockname), ALLOW(getsockopt), ALLOW(setsockopt), ALLOW(ioctl),
	ALLOW(recvmsg), ALLOW(recvmmsg), ALLOW(recvfrom), ALLOW(sendmsg), ALLOW(sendmmsg), ALLOW(sendto),
	ALLOW(openat), ALLOW(pread64), ALLOW(lseek), ALLOW(fcntl), ALLOW(statx), ALLOW(newfstatat), ALLOW(readlink),
	ALLOW(getdents64), ALLOW(access), ALLOW(mkdir)
)

int page(struct http_request *);
int door(struct http_request *);
void ws_connect(struct connection *);
void ws_message(struct connection *, u_int8_t, void *, size_t);
void ws_disconnect(struct connection *);

static janus_rs *core;
static janus_rs_queue *queue;
static struct kore_buf *text;
/* kore looks for its own part at the beginning of what a descriptor is registered with. */
static struct { struct kore_event event; } events;

/* Something waits in the queue: to the WebSockets that it is for. */
static void deliver(void *unused, int error) {
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	(void)unused, (void)error;
	while(janus_rs_next(queue, &event, 0) > 0) {
		struct connection *connection = event.user;
		if((event.type == JANUS_RS_EVENT_REPLY || event.type == JANUS_RS_EVENT_JANUS)
				&& (uintptr_t)connection->hdlr_extra == event.client)
			kore_websocket_send(connection, WEBSOCKET_OP_TEXT, event.text, event.length);
	}
}

/* In the parent, before anything is given up. */
void kore_parent_configure(int argc, char **argv) {
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	FILE *file = fopen(getenv("ROOM_PAGE"), "r");
	char part[4096];
	size_t length;
	(void)argc, (void)argv;
	text = kore_buf_alloc(sizeof(part));
	while(file != NULL && (length = fread(part, 1, sizeof(part), file)) > 0)
		kore_buf_append(text, part, length);
	options.flags = JANUS_RS_MODULES;
	if(janus_rs_open(&core, &options) < 0 || janus_rs_load(core, JANUS_RS_PLUGIN, getenv("ROOM_PLUGIN")) < 0
			|| janus_rs_set(core, "nat.ice_enforce_list", getenv("ADDRESSES")) < 0
			|| janus_rs_config(core, "janus.plugin.videoroom.jcfg", "room-1: { publishers = 6 }") < 0)
		fatal("janus_rs: %s", janus_rs_error());
}

/* A certificate from kore's key manager, the process that alone has the private key. kore redirects the signatures of an RSA structure there,
 * which is a copy with OpenSSL 3: what is made of that copy signs, not the key that it was copied from. */
static void certificate(struct kore_msg *message, const void *data) {
	const struct kore_x509_msg *chain = data;
	struct kore_domain *domain;
	if(!kore_worker_keymgr_response_verify(message, data, &domain))
		return;
	kore_domain_tlsinit(domain, KORE_PEM_CERT_CHAIN, chain->data, chain->data_len);
	EVP_PKEY *key = EVP_PKEY_new();
	if(EVP_PKEY_assign_RSA(key, EVP_PKEY_get1_RSA(SSL_CTX_get0_privatekey(domain->ssl_ctx))) != 1
			|| SSL_CTX_use_PrivateKey(domain->ssl_ctx, key) != 1)
		fatal("no RSA certificate for %s", domain->domain);
	EVP_PKEY_free(key);
}

/* In each worker, with media ports of its own. */
void kore_worker_configure(void) {
	char ports[32];
	kore_msg_unregister(KORE_MSG_CERTIFICATE), kore_msg_register(KORE_MSG_CERTIFICATE, certificate);
	snprintf(ports, sizeof(ports), "%d-%d", 20000 + 100 * worker->id, 20099 + 100 * worker->id);
	if(janus_rs_set(core, "media.rtp_port_range", ports) < 0 || janus_rs_start(core) < 0
			|| janus_rs_queue_open(core, &queue, NULL) < 0)
		fatal("janus_rs: %s", janus_rs_error());
	events.event.handle = deliver;
	kore_platform_event_level_read(janus_rs_queue_fd(queue), &events);
}

void kore_worker_teardown(void) {
	janus_rs_close(core);
}

int page(struct http_request *request) {
	http_response_header(request, "content-type", "text/html");
	http_response(request, HTTP_STATUS_OK, text->data, text->offset);
	return KORE_RESULT_OK;
}

/* A WebSocket at this worker, or, if another one is meant, a refusal: the page tries again. */
int door(struct http_request *request) {
	u_int16_t wanted = 0;
	http_populate_get(request);
	if(http_argument_get_uint16(request, "worker", &wanted) && wanted != worker->id) {
		http_response(request, HTTP_STATUS_SERVICE_UNAVAILABLE, NULL, 0);
		return KORE_RESULT_OK;
	}
	kore_websocket_handshake(request, "ws_connect", "ws_message", "ws_disconnect");
	return KORE_RESULT_OK;
}

void ws_connect(struct connection *connection) {
	janus_rs_client_options options = JANUS_RS_CLIENT_OPTIONS_INIT;
	janus_rs_client client;
	char hello[32];
	options.name = "kore";
	options.user = connection;
	if(janus_rs_client_open(core, queue, &options, &client) == 0)
		connection->hdlr_extra = (void *)(uintptr_t)client;
	int length = snprintf(hello, sizeof(hello), "{\"worker\": %u}", worker->id);
	kore_websocket_send(connection, WEBSOCKET_OP_TEXT, hello, length);
}

void ws_message(struct connection *connection, u_int8_t kind, void *data, size_t length) {
	(void)kind;
	if(janus_rs_request(core, (uintptr_t)connection->hdlr_extra, 0, 0, data, length) < 0) {
		kore_log(LOG_ERR, "janus_rs: %s", janus_rs_error());
		kore_connection_disconnect(connection);
	}
}

void ws_disconnect(struct connection *connection) {
	janus_rs_client client = (uintptr_t)connection->hdlr_extra;
	connection->hdlr_extra = NULL;
	janus_rs_client_close(core, client);
	/* What still waits for it is passed over now, while there is a connection to look at. */
	deliver(NULL, 0);
}
