/* engine/{srv,event,check_engine}.pb-c.h: messages that libprotobuf-c's own functions, which know
 * nothing but the descriptors, read, write and free just as the functions of the headers do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <engine/check_engine.pb-c.h>
#include <engine/event.pb-c.h>
#include <engine/srv.pb-c.h>

enum { ROUNDS = 300, WIRE_MAX = 1 << 14, DEPTH = 3 };

/** The functions of a message, for any message. */
struct functions {
	const ProtobufCMessageDescriptor *descriptor;
	void (*init)(void *message);
	size_t (*size)(const void *message);
	size_t (*pack)(const void *message, uint8_t *out);
	size_t (*pack_to_buffer)(const void *message, ProtobufCBuffer *buffer);
	void *(*unpack)(ProtobufCAllocator *allocator, size_t len, const uint8_t *data);
	void (*free)(void *message, ProtobufCAllocator *allocator);
};

#define FUNCTIONS(prefix)                                                                     \
	{                                                                                     \
		&prefix##__descriptor, (void (*)(void *))prefix##__init,                      \
			(size_t(*)(const void *))prefix##__get_packed_size,                   \
			(size_t(*)(const void *, uint8_t *))prefix##__pack,                   \
			(size_t(*)(const void *, ProtobufCBuffer *))prefix##__pack_to_buffer, \
			(void *(*)(ProtobufCAllocator *, size_t,                              \
				   const uint8_t *))prefix##__unpack,                         \
			(void (*)(void *, ProtobufCAllocator *))prefix##__free_unpacked       \
	}

static const struct functions messages[] = {
	FUNCTIONS(srv__notify_ready_req),         FUNCTIONS(srv__get_pool_svc_req),
	FUNCTIONS(srv__get_pool_svc_resp),        FUNCTIONS(srv__pool_find_by_label_req),
	FUNCTIONS(srv__pool_find_by_label_resp),  FUNCTIONS(srv__list_pools_req),
	FUNCTIONS(srv__list_pools_resp),          FUNCTIONS(shared__rasevent),
	FUNCTIONS(shared__cluster_event_req),     FUNCTIONS(shared__cluster_event_resp),
	FUNCTIONS(shared__check_report_resp),     FUNCTIONS(shared__check_list_pool_req),
	FUNCTIONS(shared__check_list_pool_resp),  FUNCTIONS(shared__check_reg_pool_req),
	FUNCTIONS(shared__check_reg_pool_resp),   FUNCTIONS(shared__check_dereg_pool_req),
	FUNCTIONS(shared__check_dereg_pool_resp),
};
enum { MESSAGES = sizeof(messages) / sizeof(messages[0]) };

/** Bytes of a message. */
struct wire {
	size_t len;
	uint8_t bytes[WIRE_MAX];
};

/** Numbers that are the same each time. */
static uint64_t
next(void)
{
	static uint64_t seed = 88172645463325252ULL;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void
put(struct wire *wire, const void *bytes, size_t len)
{
	if (wire->len + len > WIRE_MAX)
		return;
	memcpy(wire->bytes + wire->len, bytes, len);
	wire->len += len;
}

static void
put_varint(struct wire *wire, uint64_t value)
{
	uint8_t byte;

	do {
		byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		put(wire, &byte, 1);
		value >>= 7;
	} while (value != 0);
}

/** A number of any length, but not 0, which merging of messages treats as if it were not there. */
static uint64_t
number(void)
{
	return next() >> next() % 64 | 1;
}

/** Whether a field is one message: when there are several, libprotobuf-c does not merge them as
 * protobuf demands. */
static bool
has_one_message(const ProtobufCMessageDescriptor *descriptor)
{
	for (unsigned int i = 0; i < descriptor->n_fields; i++)
		if (descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
		    descriptor->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
			return true;
	return false;
}

/** Any values of the fields of a message, in any order, some of them several times, but messages
 * once. */
static void
generate(struct wire *wire, const ProtobufCMessageDescriptor *descriptor, int depth)
{
	unsigned int values = next() % 12, i;
	bool has_message = false;

	for (i = 0; descriptor->n_fields != 0 && i < values; i++) {
		const ProtobufCFieldDescriptor *field =
			&descriptor->fields[next() % descriptor->n_fields];
		struct wire inner = {0};

		switch (field->type) {
		case PROTOBUF_C_TYPE_STRING:
			inner.len = next() % 20;
			memset(inner.bytes, 'a' + next() % 26, inner.len);
			break;
		case PROTOBUF_C_TYPE_MESSAGE:
			if (depth == 0 ||
			    (has_message && field->label != PROTOBUF_C_LABEL_REPEATED))
				continue;
			has_message = true;
			generate(&inner, field->descriptor, depth - 1);
			break;
		default:
			if (field->label != PROTOBUF_C_LABEL_REPEATED || next() % 2) {
				put_varint(wire, field->id << 3);
				put_varint(wire, number());
				continue;
			}
			for (unsigned int left = next() % 5; left > 0; left--)
				put_varint(&inner, number());
		}
		put_varint(wire, field->id << 3 | 2);
		put_varint(wire, inner.len);
		put(wire, inner.bytes, inner.len);
	}
	if (next() % 4 == 0) { /* and one that nobody knows */
		put_varint(wire, 1000 << 3);
		put_varint(wire, next());
	}
}

/** Reads with both; returns whether both read it, and then they have read the same. */
static bool
compare(const struct functions *functions, const struct wire *wire)
{
	void *ours = functions->unpack(NULL, wire->len, wire->bytes);
	ProtobufCMessage *theirs =
		protobuf_c_message_unpack(functions->descriptor, NULL, wire->len, wire->bytes);
	static uint8_t our_bytes[2 * WIRE_MAX], their_bytes[2 * WIRE_MAX];
	size_t len;

	if (ours != NULL && theirs != NULL) {
		assert_true(protobuf_c_message_check(ours));
		len = functions->size(ours);
		assert_int_equal(len, protobuf_c_message_get_packed_size(ours));
		assert_int_equal(len, protobuf_c_message_get_packed_size(theirs));
		assert_in_range(len, 0, sizeof(our_bytes));
		assert_int_equal(functions->pack(ours, our_bytes), len);
		assert_int_equal(protobuf_c_message_pack(theirs, their_bytes), len);
		assert_memory_equal(our_bytes, their_bytes, len);
		/* Each writes and frees what the other has made. */
		assert_int_equal(functions->pack((void *)theirs, our_bytes), len);
		assert_memory_equal(our_bytes, their_bytes, len);
		functions->free(theirs, NULL);
		protobuf_c_message_free_unpacked(ours, NULL);
		return true;
	}
	functions->free(ours, NULL);
	protobuf_c_message_free_unpacked(theirs, NULL);
	return false;
}

static void
both_read_and_write_the_same(void **state)
{
	for (int i = 0; i < ROUNDS * MESSAGES; i++) {
		struct wire wire = {0};

		generate(&wire, messages[i % MESSAGES].descriptor, DEPTH);
		assert_true(compare(&messages[i % MESSAGES], &wire));
	}
}

static void
any_bytes_are_read_alike_or_refused(void **state)
{
	int read = 0;

	for (int i = 0; i < ROUNDS * MESSAGES; i++) {
		struct wire wire = {0};
		unsigned int changes = 1 + next() % 3;

		generate(&wire, messages[i % MESSAGES].descriptor, DEPTH);
		while (wire.len != 0 && changes-- > 0)
			wire.bytes[next() % wire.len] ^= 1 << next() % 8;
		wire.len -= next() % 4 == 0 && wire.len != 0;
		if (!has_one_message(messages[i % MESSAGES].descriptor))
			read += compare(&messages[i % MESSAGES], &wire);
		else
			messages[i % MESSAGES].free(
				messages[i % MESSAGES].unpack(NULL, wire.len, wire.bytes), NULL);
	}
	assert_in_range(read, ROUNDS, ROUNDS * MESSAGES);
}

static void
messages_of_one_field_merge(void **state)
{
	/* Two events: a rank of 7 and the job "a"; the job "b" and text. */
	static const uint8_t wire[] = {0x12, 5,    0x38, 7,   0x62, 1,   'a', 0x12,
				       6,    0x62, 1,    'b', 0x8a, 1,   0,   0x12,
				       6,    0x8a, 1,    3,   'x',  'y', 'z'};
	Shared__ClusterEventReq *request =
		shared__cluster_event_req__unpack(NULL, sizeof(wire), wire);

	assert_non_null(request);
	assert_int_equal(request->event->rank, 7);
	assert_string_equal(request->event->job_id, "b");
	assert_int_equal(request->event->extended_info_case,
			 SHARED__RASEVENT__EXTENDED_INFO_STR_INFO);
	assert_string_equal(request->event->str_info, "xyz");
	shared__cluster_event_req__free_unpacked(request, NULL);
}

static void
a_buffer_takes_the_same_bytes(void **state)
{
	for (int i = 0; i < MESSAGES; i++) {
		uint8_t pad[8], bytes[WIRE_MAX];
		ProtobufCBufferSimple buffer = PROTOBUF_C_BUFFER_SIMPLE_INIT(pad);
		struct wire wire = {0};
		void *message;
		size_t len;

		generate(&wire, messages[i].descriptor, DEPTH);
		message = messages[i].unpack(NULL, wire.len, wire.bytes);
		assert_non_null(message);
		len = messages[i].pack(message, bytes);
		assert_int_equal(messages[i].pack_to_buffer(message, &buffer.base), len);
		assert_int_equal(buffer.len, len);
		assert_memory_equal(buffer.data, bytes, len);
		PROTOBUF_C_BUFFER_SIMPLE_CLEAR(&buffer);
		messages[i].free(message, NULL);
	}
}

static int live, left;

static void *
counting_alloc(void *data, size_t size)
{
	void *memory = left-- > 0 ? malloc(size) : NULL;

	live += memory != NULL;
	return memory;
}

static void
counting_free(void *data, void *memory)
{
	live -= memory != NULL;
	free(memory);
}

static void
memory_comes_from_the_allocator_and_goes_back(void **state)
{
	ProtobufCAllocator allocator = {counting_alloc, counting_free, NULL};

	for (int i = 0; i < MESSAGES; i++) {
		struct wire wire = {0};
		void *message = NULL;

		generate(&wire, messages[i].descriptor, DEPTH);
		/* Whichever allocation fails, nothing is left. */
		for (int enough = 0; message == NULL; enough++) {
			assert_in_range(enough, 0, 1000);
			left = enough;
			message = messages[i].unpack(&allocator, wire.len, wire.bytes);
			if (message == NULL)
				assert_int_equal(live, 0);
		}
		messages[i].free(message, &allocator);
		assert_int_equal(live, 0);
	}
}

static void
descriptors_are_well_formed(void **state)
{
	for (int i = 0; i < MESSAGES; i++) {
		const ProtobufCMessageDescriptor *descriptor = messages[i].descriptor;

		for (unsigned int j = 0; j < descriptor->n_fields; j++) {
			const ProtobufCFieldDescriptor *field = &descriptor->fields[j];

			assert_ptr_equal(
				protobuf_c_message_descriptor_get_field(descriptor, field->id),
				field);
			assert_ptr_equal(protobuf_c_message_descriptor_get_field_by_name(
						 descriptor, field->name),
					 field);
		}
		assert_null(protobuf_c_message_descriptor_get_field(descriptor,
								    descriptor->n_fields + 1));
		assert_null(protobuf_c_message_descriptor_get_field(descriptor, 0));
	}
	assert_string_equal(srv__list_pools_resp__pool__descriptor.name, "srv.ListPoolsResp.Pool");
	assert_string_equal(srv__list_pools_resp__pool__descriptor.short_name, "Pool");
	assert_string_equal(srv__list_pools_resp__pool__descriptor.c_name,
			    "Srv__ListPoolsResp__Pool");
	assert_string_equal(shared__rasevent__descriptor.package_name, "shared");
	assert_string_equal(srv__notify_ready_req__descriptor.fields[2].name, "drpcListenerSock");
	assert_int_equal(shared__rasevent__descriptor.fields[16].flags,
			 PROTOBUF_C_FIELD_FLAG_ONEOF);
	assert_int_equal(shared__rasevent__descriptor.fields[18].quantifier_offset,
			 offsetof(Shared__RASEvent, extended_info_case));
	assert_int_equal(srv__get_pool_svc_resp__descriptor.fields[1].flags,
			 PROTOBUF_C_FIELD_FLAG_PACKED);
	assert_int_equal(shared__check_list_pool_req__descriptor.n_fields, 0);
	assert_null(shared__check_list_pool_req__descriptor.fields);
}

static void
init_gives_the_values_of_the_macros(void **state)
{
	const Srv__NotifyReadyReq ready = SRV__NOTIFY_READY_REQ__INIT;
	const Shared__RASEvent event = SHARED__RASEVENT__INIT;
	Srv__NotifyReadyReq ready_init;
	Shared__RASEvent event_init;
	Shared__RASEvent__EngineStateEventInfo info;

	memset(&ready_init, 0xff, sizeof(ready_init));
	srv__notify_ready_req__init(&ready_init);
	assert_ptr_equal(ready_init.base.descriptor, ready.base.descriptor);
	assert_string_equal(ready_init.uri, "");
	assert_int_equal(ready_init.n_secondaryuris, 0);
	assert_null(ready_init.secondaryuris);
	assert_int_equal(ready_init.check_mode, ready.check_mode);

	memset(&event_init, 0xff, sizeof(event_init));
	shared__rasevent__init(&event_init);
	assert_string_equal(event_init.ctl_op, "");
	assert_int_equal(event_init.extended_info_case, event.extended_info_case);
	assert_null(event_init.str_info);

	shared__rasevent__engine_state_event_info__init(&info);
	assert_ptr_equal(info.base.descriptor,
			 &shared__rasevent__engine_state_event_info__descriptor);
	assert_string_equal(info.error, "");
}

static void
a_report_needs_no_descriptor_but_its_own(void **state)
{
	/* Any message will do for a report: there is no checker here. */
	Srv__GetPoolSvcReq report = SRV__GET_POOL_SVC_REQ__INIT;
	Shared__CheckReportReq request = SHARED__CHECK_REPORT_REQ__INIT;
	uint8_t wire[16];

	report.uuid = "abc";
	request.report = (Chk__CheckReport *)&report;
	assert_int_equal(shared__check_report_req__get_packed_size(&request), 7);
	assert_int_equal(shared__check_report_req__pack(&request, wire), 7);
	assert_memory_equal(wire,
			    "\x0a\x05\x0a\x03"
			    "abc",
			    7);
	assert_null(shared__check_report_req__unpack(NULL, 7, wire));
}

static void
unknown_fields_are_bounded(void **state)
{
	static uint8_t wire[2 * 1100];

	for (size_t i = 0; i < sizeof(wire); i += 2)
		memcpy(wire + i, "\x78\x05", 2);
	assert_null(srv__list_pools_req__unpack(NULL, sizeof(wire), wire));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_well_formed),
		cmocka_unit_test(init_gives_the_values_of_the_macros),
		cmocka_unit_test(both_read_and_write_the_same),
		cmocka_unit_test(any_bytes_are_read_alike_or_refused),
		cmocka_unit_test(messages_of_one_field_merge),
		cmocka_unit_test(a_buffer_takes_the_same_bytes),
		cmocka_unit_test(memory_comes_from_the_allocator_and_goes_back),
		cmocka_unit_test(a_report_needs_no_descriptor_but_its_own),
		cmocka_unit_test(unknown_fields_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
