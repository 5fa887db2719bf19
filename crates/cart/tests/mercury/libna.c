/*
 * A libna for tests: the functions of Mercury's na.h that a transport of messages calls, over Unix
 * datagrams, and every rule about them checked. Whoever breaks one is aborted.
 *
 * Compiled with MOCK_MAJOR it is of another version; its network is bad (messages overtake each
 * other and come twice) if the host of the info string is "bad".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MOCK_MAJOR
#define MOCK_MAJOR 6
#endif

enum { OK = 0, CANCELED = 21, HOSTUNREACH = 19, INVALID = 11, NOT_SUPPORTED = 16 };
enum { HEADER = 8, MESSAGE = 3000, MARK = 0x5a, QUEUE = 256 };

#define RULE(holds)                                                            \
	do {                                                                   \
		if (!(holds)) {                                                \
			fprintf(stderr, "libna.c:%d: %s\n", __LINE__, #holds); \
			abort();                                               \
		}                                                              \
	} while (0)

struct addr {
	struct sockaddr_un name;
	socklen_t size;
	int count;
};

struct callback_info {
	union {
		struct {
			size_t size;
			struct addr *source;
			uint32_t tag;
		} received;
		uint64_t room[5];
	} info;
	void *arg;
	unsigned int type;
	unsigned int ret;
};

typedef void (*callback_t)(const struct callback_info *info);

enum state { IDLE, SENDING, RECEIVING, ENDED };

struct op {
	enum state state;
	callback_t callback;
	struct callback_info info;
	void *buffer;
	size_t size;
	struct addr to;
};

struct class;

struct context {
	void *plugin_context;
	struct class *class;
	/* What has ended and was not told of. */
	struct op *ended[QUEUE];
	unsigned int first, count;
};

struct message {
	struct addr from;
	size_t size;
	char bytes[MESSAGE];
};

struct ops;

struct class
{
	const struct ops *ops;
	void *plugin_class;
	char *protocol_name;
	uint8_t progress_mode;
	bool listen;
	/* The mock's own. */
	int socket, epoll;
	bool bad;
	struct addr self;
	struct context *context;
	struct op *posted[QUEUE];
	unsigned int receives;
	struct op *waiting[QUEUE];
	unsigned int sends;
	/* A message that is overtaken by the next. */
	struct message held;
	bool holds;
	unsigned int messages;
	/* What has been given out. */
	int addrs, all_ops, buffers;
};

struct init_info {
	const char *subnet, *key;
	size_t unexpected, expected;
	uint8_t progress_mode;
	unsigned int format;
	uint8_t contexts, threads;
	bool device;
	unsigned int traffic;
};

typedef void (*other_t)(void);

/* The order is Mercury's. */
struct ops {
	const char *name;
	other_t before[21];
	size_t (*max_unexpected_size)(const struct class *class);
	other_t max_expected_size;
	size_t (*unexpected_header_size)(const struct class *class);
	other_t between[5];
	unsigned int (*send_unexpected)(struct class *class, struct context *context,
					callback_t callback, void *arg, const void *buffer,
					size_t size, void *data, struct addr *to, uint8_t to_id,
					uint32_t tag, struct op *op);
	unsigned int (*recv_unexpected)(struct class *class, struct context *context,
					callback_t callback, void *arg, void *buffer, size_t size,
					void *data, struct op *op);
	other_t after[15];
	int (*poll_get_fd)(struct class *class, struct context *context);
	bool (*poll_try_wait)(struct class *class, struct context *context);
	unsigned int (*poll)(struct class *class, struct context *context, unsigned int *count);
	other_t poll_wait, cancel;
};
_Static_assert(sizeof(struct ops) == 52 * sizeof(void *), "as in na.h");
_Static_assert(sizeof(struct init_info) == 48 && sizeof(struct callback_info) == 56, "as in na.h");

/* What msg_buf_alloc says of a buffer. */
static char plugin_data;

static struct addr *
give_out(struct class *class, const struct addr *name)
{
	struct addr *addr = malloc(sizeof(*addr));

	RULE(addr != NULL);
	*addr = *name;
	class->addrs++;
	return addr;
}

static void
end(struct class *class, struct op *op, unsigned int ret)
{
	struct context *context = class->context;

	op->state = ENDED;
	op->info.ret = ret;
	RULE(context->count < QUEUE);
	context->ended[(context->first + context->count++) % QUEUE] = op;
}

/* Whether the message is gone, well or not. */
static bool
try_send(struct class *class, struct op *op)
{
	ssize_t sent = sendto(class->socket, op->buffer, op->size, MSG_DONTWAIT,
			      (struct sockaddr *)&op->to.name, op->to.size);

	if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return false;
	end(class, op, sent < 0 ? HOSTUNREACH : OK);
	return true;
}

static unsigned int
send_unexpected(struct class *class, struct context *context, callback_t callback, void *arg,
		const void *buffer, size_t size, void *data, struct addr *to, uint8_t to_id,
		uint32_t tag, struct op *op)
{
	RULE(context == class->context && op->state == IDLE && to != NULL && to_id == 0);
	RULE(size > HEADER && size <= MESSAGE && data == &plugin_data && tag == 0);
	for (int i = 0; i < HEADER; i++)
		RULE(((const char *)buffer)[i] == MARK);
	*op = (struct op){
		.state = SENDING,
		.callback = callback,
		.info = {.arg = arg, .type = 0},
		.buffer = (void *)buffer,
		.size = size,
		.to = *to,
	};
	if (class->sends > 0 || !try_send(class, op)) {
		RULE(class->sends < QUEUE);
		class->waiting[class->sends++] = op;
	}
	return OK;
}

static unsigned int
recv_unexpected(struct class *class, struct context *context, callback_t callback, void *arg,
		void *buffer, size_t size, void *data, struct op *op)
{
	RULE(context == class->context && op->state == IDLE && class->receives < QUEUE);
	RULE(size == MESSAGE && data == &plugin_data);
	*op = (struct op){
		.state = RECEIVING,
		.callback = callback,
		.info = {.arg = arg, .type = 1},
		.buffer = buffer,
		.size = size,
	};
	class->posted[class->receives++] = op;
	return OK;
}

static void
forget(struct op **ops, unsigned int *count, unsigned int at)
{
	memmove(ops + at, ops + at + 1, (--*count - at) * sizeof(*ops));
}

static void
deliver(struct class *class, const struct message *message)
{
	struct op *op = class->posted[0];

	forget(class->posted, &class->receives, 0);
	memcpy(op->buffer, message->bytes, message->size);
	op->info.info.received.size = message->size;
	op->info.info.received.source = give_out(class, &message->from);
	end(class, op, OK);
}

static unsigned int
poll_class(struct class *class, struct context *context, unsigned int *count)
{
	struct message message;

	RULE(context == class->context && count == NULL);
	while (class->sends > 0 && try_send(class, class->waiting[0]))
		forget(class->waiting, &class->sends, 0);
	/* Two may come of one. */
	while (class->receives >= 3) {
		ssize_t size;

		message.from.size = sizeof(message.from.name);
		size = recvfrom(class->socket, message.bytes, sizeof(message.bytes), MSG_DONTWAIT,
				(struct sockaddr *)&message.from.name, &message.from.size);
		if (size < 0) {
			if (class->holds)
				deliver(class, &class->held);
			class->holds = false;
			return OK;
		}
		message.size = size;
		class->messages++;
		if (class->bad && class->messages % 3 == 0 && !class->holds) {
			class->held = message;
			class->holds = true;
			continue;
		}
		deliver(class, &message);
		if (class->bad && class->messages % 5 == 0)
			deliver(class, &message);
		if (class->holds)
			deliver(class, &class->held);
		class->holds = false;
	}
	return OK;
}

static bool
poll_try_wait(struct class *class, struct context *context)
{
	RULE(context == class->context);
	return context->count == 0 && class->sends == 0 && !class->holds;
}

static int
poll_get_fd(struct class *class, struct context *context)
{
	RULE(context == class->context);
	return class->epoll;
}

static size_t
max_unexpected_size(const struct class *class)
{
	(void)class;
	return MESSAGE;
}

static size_t
unexpected_header_size(const struct class *class)
{
	(void)class;
	return HEADER;
}

static const struct ops ops = {
	.name = "mock",
	.max_unexpected_size = max_unexpected_size,
	.unexpected_header_size = unexpected_header_size,
	.send_unexpected = send_unexpected,
	.recv_unexpected = recv_unexpected,
	.poll_get_fd = poll_get_fd,
	.poll_try_wait = poll_try_wait,
	.poll = poll_class,
};

void
NA_Version_get(unsigned int *major, unsigned int *minor, unsigned int *patch)
{
	*major = MOCK_MAJOR;
	*minor = 1;
	*patch = 2;
}

struct class *
NA_Initialize_opt2(const char *info, bool listen, unsigned int version,
		   const struct init_info *init)
{
	static unsigned int classes;
	struct epoll_event event = {.events = EPOLLIN};
	struct class *class;
	char *name;

	RULE(version == 6 << 16 && init->contexts == 1 && init->threads == 3 && !init->device);
	RULE(init->progress_mode == 0 && init->traffic == 0 && init->subnet == NULL);
	if (strncmp(info, "mock+dgram://", 13) != 0)
		return NULL;
	class = calloc(1, sizeof(*class));
	RULE(class != NULL);
	class->ops = &ops;
	class->listen = listen;
	class->bad = strncmp(info + 13, "bad", 3) == 0;
	class->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	class->self.name.sun_family = AF_UNIX;
	name = class->self.name.sun_path;
	snprintf(name + 1, sizeof(class->self.name.sun_path) - 1, "mock-na-%d-%u", getpid(),
		 classes++);
	class->self.size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name + 1);
	RULE(bind(class->socket, (struct sockaddr *)&class->self.name, class->self.size) == 0);
	class->epoll = epoll_create1(EPOLL_CLOEXEC);
	RULE(epoll_ctl(class->epoll, EPOLL_CTL_ADD, class->socket, &event) == 0);
	return class;
}

unsigned int
NA_Finalize(struct class *class)
{
	RULE(class->context == NULL && class->addrs == 0);
	RULE(class->all_ops == 0 && class->buffers == 0);
	close(class->epoll);
	close(class->socket);
	free(class);
	return OK;
}

struct context *
NA_Context_create(struct class *class)
{
	RULE(class->context == NULL);
	class->context = calloc(1, sizeof(*class->context));
	RULE(class->context != NULL);
	class->context->class = class;
	return class->context;
}

unsigned int
NA_Context_destroy(struct class *class, struct context *context)
{
	RULE(context == class->context && context->count == 0);
	RULE(class->receives == 0 && class->sends == 0);
	free(context);
	class->context = NULL;
	return OK;
}

struct op *
NA_Op_create(struct class *class, unsigned long flags)
{
	RULE(flags == 0);
	class->all_ops++;
	return calloc(1, sizeof(struct op));
}

void
NA_Op_destroy(struct class *class, struct op *op)
{
	RULE(op->state == IDLE);
	class->all_ops--;
	free(op);
}

unsigned int
NA_Addr_lookup(struct class *class, const char *uri, struct addr **addr)
{
	struct addr name = {.name.sun_family = AF_UNIX};

	if (strncmp(uri, "mock+dgram://", 13) != 0 || strlen(uri) > 100)
		return INVALID;
	strcpy(name.name.sun_path + 1, uri + 13);
	name.size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(uri + 13);
	*addr = give_out(class, &name);
	return OK;
}

void
NA_Addr_free(struct class *class, struct addr *addr)
{
	RULE(class->addrs > 0 && addr != NULL);
	class->addrs--;
	free(addr);
}

unsigned int
NA_Addr_self(struct class *class, struct addr **addr)
{
	*addr = give_out(class, &class->self);
	return OK;
}

unsigned int
NA_Addr_to_string(struct class *class, char *text, size_t *size, struct addr *addr)
{
	size_t needed = 13 + strlen(addr->name.sun_path + 1) + 1;

	RULE(class->addrs > 0 && (text == NULL || *size >= needed));
	if (text != NULL)
		sprintf(text, "mock+dgram://%s", addr->name.sun_path + 1);
	*size = needed;
	return OK;
}

void *
NA_Msg_buf_alloc(struct class *class, size_t size, unsigned long flags, void **data)
{
	RULE(size == MESSAGE && (flags == 1 || flags == 2));
	class->buffers++;
	*data = &plugin_data;
	return malloc(size);
}

void
NA_Msg_buf_free(struct class *class, void *buffer, void *data)
{
	RULE(data == &plugin_data);
	class->buffers--;
	free(buffer);
}

unsigned int
NA_Msg_init_unexpected(struct class *class, void *buffer, size_t size)
{
	RULE(class->buffers > 0 && size == MESSAGE);
	memset(buffer, MARK, HEADER);
	return OK;
}

unsigned int
NA_Trigger(struct context *context, unsigned int most, unsigned int *count)
{
	RULE(count == NULL);
	while (most-- > 0 && context->count > 0) {
		struct op *op = context->ended[context->first];
		struct callback_info info = op->info;

		context->first = (context->first + 1) % QUEUE;
		context->count--;
		op->state = IDLE;
		op->callback(&info);
	}
	return OK;
}

unsigned int
NA_Cancel(struct class *class, struct context *context, struct op *op)
{
	RULE(context == class->context);
	for (unsigned int i = 0; i < class->receives; i++)
		if (class->posted[i] == op) {
			forget(class->posted, &class->receives, i);
			end(class, op, CANCELED);
			return OK;
		}
	for (unsigned int i = 0; i < class->sends; i++)
		if (class->waiting[i] == op) {
			forget(class->waiting, &class->sends, i);
			end(class, op, CANCELED);
			return OK;
		}
	return OK;
}

const char *
NA_Error_to_string(unsigned int error)
{
	return error == HOSTUNREACH ? "MOCK_HOSTUNREACH" : error < 25 ? "MOCK_ERROR" : NULL;
}
