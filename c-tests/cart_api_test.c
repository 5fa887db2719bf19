/* Structures of RPCs and their serialization: cart/api.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rpc_fields.h"

CRT_RPC_DEFINE(write, ISEQ_WRITE, OSEQ_WRITE)
CRT_RPC_DEFINE(stop, ISEQ_STOP, OSEQ_STOP)
CRT_RPC_DEFINE(ping, , )

/* The size of a message, or less than 0. */
static ssize_t
pack(crt_proc_cb_t cb, void *value, void *buf, size_t size)
{
	crt_proc_t proc;
	ssize_t used;
	int rc;

	assert_int_equal(crt_proc_create(NULL, buf, size, CRT_PROC_ENCODE, &proc), 0);
	rc = cb(proc, value);
	used = rc == 0 ? (ssize_t)crp_proc_get_size_used(proc) : rc;
	assert_int_equal(crt_proc_destroy(proc), 0);
	return used;
}

/* Unpacks a message of `size` bytes, from memory of just that size so that valgrind knows where it
 * ends. */
static int
unpack(crt_proc_cb_t cb, void *value, const void *message, size_t size, void **copy)
{
	crt_proc_t proc;
	int rc;

	*copy = malloc(size);
	assert_true(size == 0 || *copy != NULL);
	memcpy(*copy, message, size);
	assert_int_equal(crt_proc_create(NULL, *copy, size, CRT_PROC_DECODE, &proc), 0);
	rc = cb(proc, value);
	if (rc == 0)
		assert_int_equal(crp_proc_get_size_used(proc), size);
	assert_int_equal(crt_proc_destroy(proc), 0);
	return rc;
}

static void
release(crt_proc_cb_t cb, void *value)
{
	crt_proc_t proc;
	crt_proc_op_t op;

	assert_int_equal(crt_proc_create(NULL, NULL, 0, CRT_PROC_FREE, &proc), 0);
	assert_int_equal(crt_proc_get_op(proc, &op), 0);
	assert_int_equal(op, CRT_PROC_FREE);
	assert_int_equal(cb(proc, value), 0);
	assert_int_equal(crt_proc_destroy(proc), 0);
}

/* A request with something in each field, and what it points to. */
struct sample {
	struct write_in sa_in;
	d_rank_t sa_ranks[3];
	d_rank_list_t sa_list;
	struct extent sa_extents[100];
	char sa_keys[70][8];
	d_string_t sa_key_ptrs[70];
	d_iov_t sa_iovs[2];
	unsigned char sa_bytes[5000];
	size_t sa_size;
};

static int
setup(void **state)
{
	struct sample *sa = calloc(1, sizeof(*sa));
	struct write_in *in = &sa->sa_in;
	ssize_t size;

	assert_non_null(sa);
	for (size_t i = 0; i < sizeof(uuid_t); i++)
		in->wi_uuid[i] = 0xa0 + i;
	sa->sa_ranks[0] = 7;
	sa->sa_ranks[1] = 8;
	sa->sa_ranks[2] = 0xfffffffe;
	sa->sa_list = (d_rank_list_t){.rl_ranks = sa->sa_ranks, .rl_nr = 3};
	in->wi_ranks = &sa->sa_list;
	in->wi_name = (char *)"name";
	in->wi_label = "";
	in->wi_whole = (struct extent){.ex_start = 1, .ex_length = 2};
	in->wi_raw = (struct extent){.ex_start = 3, .ex_length = 4};
	for (uint64_t i = 0; i < 100; i++)
		sa->sa_extents[i] = (struct extent){.ex_start = i, .ex_length = i * i};
	in->wi_extents.ca_count = 100;
	in->wi_extents.ca_arrays = sa->sa_extents;
	for (int i = 0; i < 70; i++) {
		snprintf(sa->sa_keys[i], sizeof(sa->sa_keys[i]), "key %d", i);
		sa->sa_key_ptrs[i] = i == 5 ? NULL : sa->sa_keys[i];
	}
	in->wi_keys.ca_count = 70;
	in->wi_keys.ca_arrays = sa->sa_key_ptrs;
	in->wi_value = (d_iov_t){.iov_buf = sa->sa_keys[1], .iov_buf_len = 8, .iov_len = 6};
	sa->sa_iovs[0] = (d_iov_t){.iov_buf = sa->sa_keys[2], .iov_buf_len = 6, .iov_len = 6};
	sa->sa_iovs[1] = (d_iov_t){.iov_buf = NULL, .iov_buf_len = 4096, .iov_len = 0};
	in->wi_sgl = (d_sg_list_t){.sg_nr = 2, .sg_nr_out = 1, .sg_iovs = sa->sa_iovs};
	in->wi_i64 = INT64_MIN;
	in->wi_i32 = INT32_MIN;
	in->wi_rank = 9;
	in->wi_i16 = -2;
	in->wi_u16 = 0xfffe;
	in->wi_i8 = -3;
	in->wi_u8 = 0xfd;
	in->wi_flag = true;
	size = pack(CQF_write.crf_proc_in, in, sa->sa_bytes, sizeof(sa->sa_bytes));
	assert_in_range(size, 1, sizeof(sa->sa_bytes));
	sa->sa_size = size;
	*state = sa;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
structures_are_as_the_fields_say(void **state)
{
	struct write_in *in = NULL;

	assert_int_equal(offsetof(struct write_in, wi_ranks), 16);
	assert_int_equal(sizeof(in->wi_ranks), sizeof(d_rank_list_t *));
	assert_int_equal(offsetof(struct write_in, wi_extents),
			 16 + 3 * 8 + 2 * sizeof(struct extent));
	assert_int_equal(sizeof(in->wi_extents), 16);
	assert_int_equal(sizeof(in->wi_extents.ca_arrays[0]), sizeof(struct extent));
	assert_int_equal(sizeof(struct write_out), 8);
	assert_int_equal(CQF_write.crf_size_in, sizeof(struct write_in));
	assert_int_equal(CQF_write.crf_size_out, sizeof(struct write_out));
	assert_null(CQF_stop.crf_proc_in);
	assert_int_equal(CQF_stop.crf_size_in, 0);
	assert_non_null(CQF_stop.crf_proc_out);
	assert_int_equal(CQF_stop.crf_size_out, sizeof(struct stop_out));
	assert_null(CQF_ping.crf_proc_in);
	assert_null(CQF_ping.crf_proc_out);
	assert_int_equal(CRT_PROTO_OPC(0x02000000, 3, 4), 0x02030004);
}

static void
what_is_packed_is_unpacked(void **state)
{
	struct sample *sa = *state;
	struct write_in *in = &sa->sa_in;
	struct write_in out;
	void *copy;

	/* What was there before does not matter. */
	memset(&out, 0xff, sizeof(out));
	assert_int_equal(unpack(CQF_write.crf_proc_in, &out, sa->sa_bytes, sa->sa_size, &copy), 0);
	assert_memory_equal(out.wi_uuid, in->wi_uuid, sizeof(uuid_t));
	assert_int_equal(out.wi_ranks->rl_nr, 3);
	assert_memory_equal(out.wi_ranks->rl_ranks, sa->sa_ranks, sizeof(sa->sa_ranks));
	assert_string_equal(out.wi_name, "name");
	assert_string_equal(out.wi_label, "");
	assert_memory_equal(&out.wi_whole, &in->wi_whole, sizeof(struct extent));
	assert_memory_equal(&out.wi_raw, &in->wi_raw, sizeof(struct extent));
	assert_int_equal(out.wi_extents.ca_count, 100);
	assert_memory_equal(out.wi_extents.ca_arrays, sa->sa_extents, sizeof(sa->sa_extents));
	assert_int_equal(out.wi_keys.ca_count, 70);
	for (int i = 0; i < 70; i++) {
		if (i == 5)
			assert_null(out.wi_keys.ca_arrays[i]);
		else
			assert_string_equal(out.wi_keys.ca_arrays[i], sa->sa_keys[i]);
	}
	/* Pieces of memory lie in the message. */
	assert_int_equal(out.wi_value.iov_buf_len, 8);
	assert_int_equal(out.wi_value.iov_len, 6);
	assert_memory_equal(out.wi_value.iov_buf, "key 1", 6);
	assert_in_range((uintptr_t)out.wi_value.iov_buf, (uintptr_t)copy,
			(uintptr_t)copy + sa->sa_size - 6);
	assert_int_equal(out.wi_sgl.sg_nr, 2);
	assert_int_equal(out.wi_sgl.sg_nr_out, 1);
	assert_memory_equal(out.wi_sgl.sg_iovs[0].iov_buf, "key 2", 6);
	assert_int_equal(out.wi_sgl.sg_iovs[1].iov_buf_len, 4096);
	assert_int_equal(out.wi_sgl.sg_iovs[1].iov_len, 0);
	assert_null(out.wi_bulk);
	assert_true(out.wi_i64 == INT64_MIN && out.wi_i32 == INT32_MIN && out.wi_rank == 9);
	assert_true(out.wi_i16 == -2 && out.wi_u16 == 0xfffe && out.wi_i8 == -3 &&
		    out.wi_u8 == 0xfd);
	assert_true(out.wi_flag);
	release(CQF_write.crf_proc_in, &out);
	assert_null(out.wi_name);
	assert_null(out.wi_ranks);
	assert_null(out.wi_keys.ca_arrays);
	assert_null(out.wi_sgl.sg_iovs);
	free(copy);
}

static void
nothing_is_packed_and_unpacked(void **state)
{
	struct write_in in = {};
	struct write_in out;
	struct write_out reply = {.wo_rc = -DER_NOMEM, .wo_count = 3};
	struct write_out received;
	unsigned char bytes[500];
	ssize_t size = pack(CQF_write.crf_proc_in, &in, bytes, sizeof(bytes));
	void *copy;

	assert_in_range(size, 1, sizeof(bytes));
	assert_int_equal(unpack(CQF_write.crf_proc_in, &out, bytes, size, &copy), 0);
	assert_memory_equal(&out, &in, offsetof(struct write_in, wi_flag) + 1);
	release(CQF_write.crf_proc_in, &out);
	free(copy);

	assert_int_equal(pack(CQF_write.crf_proc_out, &reply, bytes, sizeof(bytes)), 8);
	assert_int_equal(unpack(CQF_write.crf_proc_out, &received, bytes, 8, &copy), 0);
	assert_memory_equal(&received, &reply, sizeof(reply));
	free(copy);
}

static void
the_beginning_of_a_message_is_none(void **state)
{
	struct sample *sa = *state;

	for (size_t size = 0; size < sa->sa_size; size += 7) {
		struct write_in out = {};
		void *copy;

		assert_int_equal(unpack(CQF_write.crf_proc_in, &out, sa->sa_bytes, size, &copy),
				 -DER_HG);
		/* Nothing of it is kept. */
		assert_null(out.wi_name);
		assert_null(out.wi_ranks);
		assert_null(out.wi_extents.ca_arrays);
		assert_null(out.wi_keys.ca_arrays);
		assert_null(out.wi_sgl.sg_iovs);
		free(copy);
	}
}

static void
sizes_in_a_message_are_not_taken_on_trust(void **state)
{
	unsigned char huge[64];
	crt_proc_t proc;
	d_string_t string;
	d_rank_list_t *ranks;
	d_iov_t iov;
	d_sg_list_t sgl;
	crt_bulk_t bulk;

	memset(huge, 0xff, sizeof(huge));
	assert_int_equal(crt_proc_create(NULL, huge, sizeof(huge), CRT_PROC_DECODE, &proc), 0);
#define REFUSED(type, value)                                                                    \
	do {                                                                                    \
		assert_int_equal(crt_proc_##type(proc, CRT_PROC_DECODE, &value), -DER_HG);      \
		assert_int_equal(crt_proc_reset(proc, huge, sizeof(huge), CRT_PROC_DECODE), 0); \
	} while (0)
	REFUSED(d_string_t, string);
	assert_null(string);
	REFUSED(d_rank_list_t, ranks);
	assert_null(ranks);
	REFUSED(d_iov_t, iov);
	assert_null(iov.iov_buf);
	REFUSED(d_sg_list_t, sgl);
	assert_null(sgl.sg_iovs);
	REFUSED(crt_bulk_t, bulk);
	assert_null(bulk);
#undef REFUSED
	/* An array of so many elements. */
	{
		unsigned char bytes[5000] = {};
		struct write_in in = {}, out = {};
		const uint64_t many = 1ULL << 60;
		const size_t count = 16 + 4 + 8 + 8 + 32;
		ssize_t size = pack(CQF_write.crf_proc_in, &in, bytes, sizeof(bytes));
		void *copy;

		memcpy(bytes + count, &many, sizeof(many));
		assert_int_equal(unpack(CQF_write.crf_proc_in, &out, bytes, size, &copy), -DER_HG);
		assert_null(out.wi_extents.ca_arrays);
		free(copy);
	}
	assert_int_equal(crt_proc_destroy(proc), 0);
}

static void
a_message_that_does_not_fit_is_counted(void **state)
{
	struct sample *sa = *state;
	unsigned char small[100];

	memset(small, 0xee, sizeof(small));
	assert_int_equal(pack(CQF_write.crf_proc_in, &sa->sa_in, small, sizeof(small) - 1),
			 sa->sa_size);
	assert_int_equal(small[sizeof(small) - 1], 0xee);
}

static void
bad_arguments_are_refused(void **state)
{
	struct sample *sa = *state;
	struct extent one = {};
	uint64_t number = 1;
	d_iov_t overfull = {.iov_buf = &number, .iov_buf_len = 4, .iov_len = 8};
	d_iov_t nowhere = {.iov_buf = NULL, .iov_buf_len = 4, .iov_len = 4};
	crt_proc_op_t op;
	crt_proc_t proc;

	assert_int_equal(crt_proc_create(NULL, NULL, 8, CRT_PROC_ENCODE, &proc), -DER_INVAL);
	assert_int_equal(crt_proc_create(NULL, &number, 8, (crt_proc_op_t)3, &proc), -DER_INVAL);
	assert_int_equal(crt_proc_create(NULL, &number, 8, CRT_PROC_DECODE, NULL), -DER_INVAL);
	assert_int_equal(crt_proc_get_op(NULL, &op), -DER_INVAL);
	assert_int_equal(crt_proc_uint64_t(NULL, CRT_PROC_ENCODE, &number), -DER_INVAL);
	assert_int_equal(crt_proc_uint64_t(NULL, CRT_PROC_FREE, &number), 0);
	assert_int_equal(CQF_write.crf_proc_in(NULL, &sa->sa_in), -DER_INVAL);

	assert_int_equal(crt_proc_create(NULL, sa->sa_bytes, 100, CRT_PROC_ENCODE, &proc), 0);
	assert_int_equal(crt_proc_get_op(proc, NULL), -DER_INVAL);
	assert_int_equal(crt_proc_uint64_t(proc, CRT_PROC_DECODE, &number), -DER_INVAL);
	assert_int_equal(crt_proc_d_rank_list_t(proc, CRT_PROC_ENCODE, NULL), -DER_INVAL);
	assert_int_equal(crt_proc_d_iov_t(proc, CRT_PROC_ENCODE, NULL), -DER_INVAL);
	assert_int_equal(crt_proc_d_iov_t(proc, CRT_PROC_ENCODE, &overfull), -DER_HG);
	assert_int_equal(crt_proc_d_iov_t(proc, CRT_PROC_ENCODE, &nowhere), -DER_INVAL);
	assert_int_equal(crt_proc_memcpy(proc, CRT_PROC_ENCODE, &one, sizeof(one)), 0);
	assert_int_equal(crp_proc_get_size_used(proc), sizeof(one));
	assert_int_equal(crt_proc_destroy(proc), 0);
	assert_int_equal(crt_proc_destroy(NULL), 0);
}

static void
a_failed_request_keeps_its_values(void **state)
{
	struct sample *sa = *state;
	d_iov_t before = sa->sa_in.wi_value;

	/* Those of who packs are not freed because a later one cannot be packed. */
	sa->sa_in.wi_value.iov_len = 100;
	assert_int_equal(
		pack(CQF_write.crf_proc_in, &sa->sa_in, sa->sa_bytes, sizeof(sa->sa_bytes)),
		-DER_HG);
	assert_string_equal(sa->sa_in.wi_name, "name");
	assert_int_equal(sa->sa_in.wi_keys.ca_count, 70);
	sa->sa_in.wi_value = before;
	/* An array that is not there. */
	sa->sa_in.wi_extents.ca_arrays = NULL;
	assert_int_equal(
		pack(CQF_write.crf_proc_in, &sa->sa_in, sa->sa_bytes, sizeof(sa->sa_bytes)),
		-DER_INVAL);
}

static void
bytes_are_those_of_daos(void **state)
{
	static const unsigned char expected[] = {
		3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 0, 0, 0, /* a string */
		2, 0, 0, 0, 0, 0, 0, 0, 'c', 0,   1, 0,    /* a constant one */
		1, 0, 0, 0, 9, 0, 0, 0,                    /* ranks */
		1, 0, 0, 0, 1, 0, 0, 0,                    /* a list of one piece of memory */
		4, 0, 0, 0, 0, 0, 0, 0, 2,   0,   0, 0, 0, 0, 0, 0, /* its sizes */
		7, 8,                                               /* its bytes */
		0, 0, 0, 0, 0, 0, 0, 0,                             /* no handle */
		1,                                                  /* a flag */
	};
	unsigned char memory[4] = {7, 8};
	d_iov_t iov = {.iov_buf = memory, .iov_buf_len = 4, .iov_len = 2};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_nr_out = 1, .sg_iovs = &iov};
	d_rank_t rank = 9;
	d_rank_list_t ranks = {.rl_ranks = &rank, .rl_nr = 1}, *list = &ranks;
	d_string_t string = (char *)"ab";
	d_const_string_t constant = "c";
	crt_bulk_t bulk = CRT_BULK_NULL;
	bool flag = true;
	unsigned char bytes[sizeof(expected)];
	crt_proc_t proc;

	assert_int_equal(crt_proc_create(NULL, bytes, sizeof(bytes), CRT_PROC_ENCODE, &proc), 0);
	assert_int_equal(crt_proc_d_string_t(proc, CRT_PROC_ENCODE, &string), 0);
	assert_int_equal(crt_proc_d_const_string_t(proc, CRT_PROC_ENCODE, &constant), 0);
	assert_int_equal(crt_proc_d_rank_list_t(proc, CRT_PROC_ENCODE, &list), 0);
	assert_int_equal(crt_proc_d_sg_list_t(proc, CRT_PROC_ENCODE, &sgl), 0);
	assert_int_equal(crt_proc_crt_bulk_t(proc, CRT_PROC_ENCODE, &bulk), 0);
	assert_int_equal(crt_proc_bool(proc, CRT_PROC_ENCODE, &flag), 0);
	assert_int_equal(crp_proc_get_size_used(proc), sizeof(expected));
	assert_int_equal(crt_proc_destroy(proc), 0);
	assert_memory_equal(bytes, expected, sizeof(expected));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_are_as_the_fields_say),
		cmocka_unit_test_setup_teardown(what_is_packed_is_unpacked, setup, teardown),
		cmocka_unit_test(nothing_is_packed_and_unpacked),
		cmocka_unit_test_setup_teardown(the_beginning_of_a_message_is_none, setup,
						teardown),
		cmocka_unit_test(sizes_in_a_message_are_not_taken_on_trust),
		cmocka_unit_test_setup_teardown(a_message_that_does_not_fit_is_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bad_arguments_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_request_keeps_its_values, setup, teardown),
		cmocka_unit_test(bytes_are_those_of_daos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
