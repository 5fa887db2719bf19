/*
 * The bodies of dRPC calls and answers as protobuf messages.
 *
 * Memory comes from the engine's dRPC allocator, which the engine's fault injection can reach and
 * from which it frees the answer's body.
 */
#ifndef DRPC_BODY_H
#define DRPC_BODY_H

#include <daos_srv/daos_engine.h>

/*
 * Unpacks the call's body as a message of \a descriptor; drpc_body_free() frees it. Where the body
 * is something else, returns NULL and sets the answer's status.
 */
static inline void *
drpc_body_unpack(const ProtobufCMessageDescriptor *descriptor, Drpc__Call *call,
		 Drpc__Response *resp)
{
	struct drpc_alloc alloc = {};
	void *message;

	alloc.alloc.alloc = daos_drpc_alloc;
	alloc.alloc.free = daos_drpc_free;
	alloc.alloc.allocator_data = &alloc;

	message = protobuf_c_message_unpack(descriptor, &alloc.alloc, call->body.len,
					    call->body.data);
	if (message == NULL)
		resp->status = DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD;
	return message;
}

static inline void
drpc_body_free(void *message)
{
	struct drpc_alloc alloc = {};

	alloc.alloc.alloc = daos_drpc_alloc;
	alloc.alloc.free = daos_drpc_free;
	alloc.alloc.allocator_data = &alloc;
	protobuf_c_message_free_unpacked((ProtobufCMessage *)message, &alloc.alloc);
}

/* Makes \a message the answer's body; a message of default values has none. */
static inline void
drpc_body_pack(const ProtobufCMessage *message, Drpc__Response *resp)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *body;

	if (len == 0)
		return;
	D_ALLOC(body, len);
	if (body == NULL) {
		resp->status = DRPC__STATUS__FAILED_MARSHAL;
		return;
	}
	resp->body.data = body;
	resp->body.len = protobuf_c_message_pack(message, body);
}

#endif /* DRPC_BODY_H */
