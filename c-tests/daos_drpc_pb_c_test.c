/* daos/drpc.pb-c.h: messages that libprotobuf-c's own functions, which know nothing but the
 * descriptors, read, write and free just as the functions of the header do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos/drpc.pb-c.h>

static uint8_t body[] = "what the method wants";

static Drpc__Call
sample_call(void)
{
	Drpc__Call call = DRPC__CALL__INIT;

	call.module = -2;
	call.method = 209;
	call.sequence = 1LL << 40;
	call.body.data = body;
	call.body.len = sizeof(body);
	return call;
}

static Drpc__Response
sample_response(void)
{
	Drpc__Response response = DRPC__RESPONSE__INIT;

	response.sequence = -1;
	response.status = DRPC__STATUS__FAILED_MARSHAL;
	response.body.data = body;
	response.body.len = sizeof(body);
	return response;
}

static void
init_gives_default_values(void **state)
{
	const Drpc__Call call_init = DRPC__CALL__INIT;
	const Drpc__Response response_init = DRPC__RESPONSE__INIT;
	Drpc__Call call;
	Drpc__Response response;

	drpc__call__init(&call);
	assert_ptr_equal(call.base.descriptor, call_init.base.descriptor);
	assert_int_equal(call.base.n_unknown_fields, 0);
	assert_int_equal(call.module | call.method | call.sequence, 0);
	assert_int_equal(call.body.len, 0);
	assert_null(call.body.data);
	drpc__response__init(&response);
	assert_ptr_equal(response.base.descriptor, response_init.base.descriptor);
	assert_int_equal(response.sequence, 0);
	assert_int_equal(response.status, DRPC__STATUS__SUCCESS);
	assert_null(response.body.data);

	memset(&call, 0xff, sizeof(call));
	protobuf_c_message_init(&drpc__call__descriptor, &call);
	assert_ptr_equal(call.base.descriptor, &drpc__call__descriptor);
	assert_null(call.body.data);
}

static void
descriptors_tell_names_and_numbers(void **state)
{
	const ProtobufCFieldDescriptor *field;
	const char *fields[] = {"module", "method", "sequence", "body"};
	unsigned int i;

	assert_int_equal(drpc__call__descriptor.magic, PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC);
	assert_string_equal(drpc__call__descriptor.name, "drpc.Call");
	assert_string_equal(drpc__response__descriptor.c_name, "Drpc__Response");
	assert_int_equal(drpc__response__descriptor.sizeof_message, sizeof(Drpc__Response));
	for (i = 0; i < 4; i++) {
		field = protobuf_c_message_descriptor_get_field_by_name(&drpc__call__descriptor,
									fields[i]);
		assert_non_null(field);
		assert_int_equal(field->id, i + 1);
		assert_ptr_equal(
			protobuf_c_message_descriptor_get_field(&drpc__call__descriptor, i + 1),
			field);
	}
	assert_null(protobuf_c_message_descriptor_get_field(&drpc__call__descriptor, 5));
	field = protobuf_c_message_descriptor_get_field_by_name(&drpc__response__descriptor,
								"status");
	assert_ptr_equal(field->descriptor, &drpc__status__descriptor);
	assert_int_equal(field->offset, offsetof(Drpc__Response, status));
}

static void
the_status_has_its_names(void **state)
{
	const char *names[] = {"SUCCESS",
			       "SUBMITTED",
			       "FAILURE",
			       "UNKNOWN_MODULE",
			       "UNKNOWN_METHOD",
			       "FAILED_UNMARSHAL_CALL",
			       "FAILED_UNMARSHAL_PAYLOAD",
			       "FAILED_MARSHAL"};
	int i;

	assert_int_equal(drpc__status__descriptor.n_values, 8);
	for (i = 0; i < 8; i++) {
		const ProtobufCEnumValue *value =
			protobuf_c_enum_descriptor_get_value(&drpc__status__descriptor, i);

		assert_string_equal(value->name, names[i]);
		assert_ptr_equal(protobuf_c_enum_descriptor_get_value_by_name(
					 &drpc__status__descriptor, names[i]),
				 value);
	}
	assert_null(protobuf_c_enum_descriptor_get_value(&drpc__status__descriptor, 8));
}

static void
both_write_the_same(void **state)
{
	Drpc__Call call = sample_call();
	Drpc__Response response = sample_response();
	uint8_t ours[128], theirs[128];
	size_t len = drpc__call__get_packed_size(&call);

	assert_int_equal(len, protobuf_c_message_get_packed_size(&call.base));
	assert_int_equal(drpc__call__pack(&call, ours), len);
	assert_int_equal(protobuf_c_message_pack(&call.base, theirs), len);
	assert_memory_equal(ours, theirs, len);

	len = drpc__response__get_packed_size(&response);
	assert_int_equal(len, protobuf_c_message_get_packed_size(&response.base));
	assert_int_equal(drpc__response__pack(&response, ours), len);
	assert_int_equal(protobuf_c_message_pack(&response.base, theirs), len);
	assert_memory_equal(ours, theirs, len);
}

static void
both_read_and_free_the_same(void **state)
{
	Drpc__Call call = sample_call();
	Drpc__Response response = sample_response();
	uint8_t wire[128];
	size_t len = drpc__call__pack(&call, wire);
	Drpc__Call *ours = drpc__call__unpack(NULL, len, wire);
	Drpc__Call *theirs =
		(Drpc__Call *)protobuf_c_message_unpack(&drpc__call__descriptor, NULL, len, wire);
	Drpc__Response *answer;

	assert_non_null(ours);
	assert_non_null(theirs);
	assert_true(protobuf_c_message_check(&ours->base));
	assert_int_equal(ours->module, theirs->module);
	assert_int_equal(ours->method, theirs->method);
	assert_int_equal(ours->sequence, theirs->sequence);
	assert_int_equal(ours->body.len, theirs->body.len);
	assert_memory_equal(ours->body.data, theirs->body.data, ours->body.len);
	/* Each frees what the other has made. */
	protobuf_c_message_free_unpacked(&ours->base, NULL);
	drpc__call__free_unpacked(theirs, NULL);

	len = drpc__response__pack(&response, wire);
	answer = drpc__response__unpack(NULL, len, wire);
	assert_int_equal(answer->sequence, response.sequence);
	assert_int_equal(answer->status, response.status);
	assert_memory_equal(answer->body.data, body, sizeof(body));
	drpc__response__free_unpacked(answer, NULL);
	drpc__call__free_unpacked(NULL, NULL);
	drpc__response__free_unpacked(NULL, NULL);
}

static void
defaults_take_no_bytes(void **state)
{
	Drpc__Response response = DRPC__RESPONSE__INIT;
	Drpc__Response *answer;

	assert_int_equal(drpc__response__get_packed_size(&response), 0);
	assert_int_equal(drpc__response__pack(&response, NULL), 0);
	answer = drpc__response__unpack(NULL, 0, NULL);
	assert_non_null(answer);
	assert_int_equal(answer->status, DRPC__STATUS__SUCCESS);
	assert_null(answer->body.data);
	drpc__response__free_unpacked(answer, NULL);
}

static void
unknown_fields_are_kept(void **state)
{
	/* Fields 9 (varint), 10 (fixed64), 11 (bytes), 12 (fixed32) around a method. */
	static const uint8_t wire[] = {0x48, 0x96, 0x01, 0x10, 0x07, 0x51, 1,   2,    3, 4, 5, 6,
				       7,    8,    0x5a, 0x03, 'a',  'b',  'c', 0x65, 9, 8, 7, 6};
	Drpc__Call *ours = drpc__call__unpack(NULL, sizeof(wire), wire);
	Drpc__Call *theirs = (Drpc__Call *)protobuf_c_message_unpack(&drpc__call__descriptor, NULL,
								     sizeof(wire), wire);
	uint8_t again[64], expected[64];
	size_t len;
	unsigned int i;

	assert_non_null(ours);
	assert_int_equal(ours->method, 7);
	assert_int_equal(ours->base.n_unknown_fields, 4);
	for (i = 0; i < 4; i++) {
		ProtobufCMessageUnknownField *a = &ours->base.unknown_fields[i];
		ProtobufCMessageUnknownField *b = &theirs->base.unknown_fields[i];

		assert_int_equal(a->tag, b->tag);
		assert_int_equal(a->wire_type, b->wire_type);
		assert_int_equal(a->len, b->len);
		assert_memory_equal(a->data, b->data, a->len);
	}
	len = drpc__call__pack(ours, again);
	assert_int_equal(len, drpc__call__get_packed_size(ours));
	assert_int_equal(len, protobuf_c_message_pack(&theirs->base, expected));
	assert_memory_equal(again, expected, len);
	drpc__call__free_unpacked(ours, NULL);
	drpc__call__free_unpacked(theirs, NULL);
}

static void
malformed_bytes_are_refused(void **state)
{
	static const struct {
		size_t len;
		const char *wire;
	} cases[] = {
		{5, "\xff\xff\xff\xff\xff"},
		{1, "\x08"},
		{5, "\x22\x05"
		    "abc"},
		{5, "\x0d\x01\x02\x03\x04"},
		{2, "\x0b\x0c"},
		{3, "\x22\xff\xff"},
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *wire = (const uint8_t *)cases[i].wire;

		assert_null(drpc__call__unpack(NULL, cases[i].len, wire));
		assert_null(protobuf_c_message_unpack(&drpc__call__descriptor, NULL, cases[i].len,
						      wire));
	}
}

struct counter {
	int left; /* allocations until one fails; negative for never */
	int live;
};

static void *
counting_alloc(void *data, size_t size)
{
	struct counter *counter = data;
	void *memory;

	if (counter->left == 0)
		return NULL;
	counter->left--;
	memory = malloc(size);
	counter->live += memory != NULL;
	return memory;
}

static void
counting_free(void *data, void *memory)
{
	struct counter *counter = data;

	counter->live -= memory != NULL;
	free(memory);
}

static void
memory_comes_from_the_allocator_and_goes_back(void **state)
{
	static const uint8_t wire[] = {0x22, 0x01, 'x', 0x48, 0x01, 0x50, 0x02};
	struct counter counter = {.left = -1};
	ProtobufCAllocator allocator = {counting_alloc, counting_free, &counter};
	Drpc__Call *call = drpc__call__unpack(&allocator, sizeof(wire), wire);
	int needed, left;

	assert_non_null(call);
	/* The message, its body, the table of unknown fields, and each of the two. */
	assert_int_equal(counter.live, 5);
	needed = counter.live;
	drpc__call__free_unpacked(call, &allocator);
	assert_int_equal(counter.live, 0);

	for (left = 0; left < needed; left++) {
		counter.left = left;
		assert_null(drpc__call__unpack(&allocator, sizeof(wire), wire));
		assert_int_equal(counter.live, 0);
	}
}

static void
a_buffer_takes_the_same_bytes(void **state)
{
	Drpc__Call call = sample_call();
	uint8_t pad[8], wire[128];
	ProtobufCBufferSimple buffer = PROTOBUF_C_BUFFER_SIMPLE_INIT(pad);
	size_t len = drpc__call__pack(&call, wire);

	assert_int_equal(drpc__call__pack_to_buffer(&call, &buffer.base), len);
	assert_int_equal(buffer.len, len);
	assert_memory_equal(buffer.data, wire, len);
	PROTOBUF_C_BUFFER_SIMPLE_CLEAR(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_gives_default_values),
		cmocka_unit_test(descriptors_tell_names_and_numbers),
		cmocka_unit_test(the_status_has_its_names),
		cmocka_unit_test(both_write_the_same),
		cmocka_unit_test(both_read_and_free_the_same),
		cmocka_unit_test(defaults_take_no_bytes),
		cmocka_unit_test(unknown_fields_are_kept),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(memory_comes_from_the_allocator_and_goes_back),
		cmocka_unit_test(a_buffer_takes_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
