/* What DAOS's headers compute themselves: daos/rpc.h, daos_version.h, daos_srv/ras.h,
 * daos/drpc_types.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define D_LOGFAC DD_FAC(tests)
#include <daos_srv/daos_engine.h>

static void
opcodes_have_three_parts(void **state)
{
	uint32_t opcode = DAOS_RPC_OPCODE(0x21, DAOS_POOL_MODULE, DAOS_POOL_VERSION);

	assert_int_equal(opcode, 0x02070021);
	assert_int_equal(opc_get(opcode), 0x21);
	assert_int_equal(opc_get_rpc_ver(opcode), DAOS_POOL_VERSION);
	assert_int_equal(opc_get_mod_id(opcode), DAOS_POOL_MODULE);
	assert_string_equal(daos_opc_to_module_str(opcode), "DAOS_POOL_MODULE");
	assert_null(daos_opc_to_module_str(0x3f000000));
}

static void
requests_go_to_the_context_of_their_kind(void **state)
{
	assert_int_equal(daos_rpc_tag(DAOS_REQ_MGMT, 5), 0);
	assert_int_equal(daos_rpc_tag(DAOS_REQ_SWIM, 5), 1);
	assert_int_equal(daos_rpc_tag(DAOS_REQ_IO, 5), 7);
	assert_int_equal(daos_rpc_tag(DAOS_REQ_TGT, 0), DAOS_TGT0_OFFSET);
}

static void
protocols_say_the_version_of_each_module(void **state)
{
	uint8_t version = 0;

	assert_int_equal(daos_get_rpc_version(DAOS_OBJ_MODULE, DAOS_VERSION_PROTOCAL, &version), 0);
	assert_int_equal(version, DAOS_OBJ_VERSION);
	assert_int_equal(daos_get_rpc_version(DAOS_CHK_MODULE, DAOS_VERSION_PROTOCAL, &version), 0);
	assert_int_equal(version, DAOS_CHK_VERSION);
	assert_int_equal(daos_get_rpc_version(DAOS_OBJ_MODULE, 200, &version), -DER_PROTO);
	assert_int_equal(daos_get_rpc_version(DAOS_NR_MODULE, 1, &version), -DER_INVAL);
	assert_int_equal(daos_get_rpc_version(-1, 1, &version), -DER_INVAL);
	assert_int_equal(daos_get_rpc_version(0, 1, NULL), -DER_INVAL);
}

static void
versions_are_one_number(void **state)
{
	daos_version_t version;

	daos_version_pack(&version);
	assert_int_equal(version.raw, 0x02080001);
	assert_int_equal(daos_version_get_protocol(&version), DAOS_VERSION_PROTOCAL);
}

static void
events_have_the_control_planes_names(void **state)
{
	assert_string_equal(ras_event2str(RAS_ENGINE_DIED), "engine_died");
	assert_string_equal(ras_event2str(RAS_DEVICE_LED_SET), "device_led_set");
	assert_string_equal(ras_event2str(RAS_DEVICE_LED_SET + 1), "unknown_unknown");
	assert_string_equal(ras_type2str(RAS_TYPE_STATE_CHANGE), "STATE_CHANGE");
	assert_string_equal(ras_sev2str(RAS_SEV_NOTICE), "NOTICE");
}

static void
messages_are_cut_into_packets(void **state)
{
	size_t room = UNIXCOMM_MAXMSGSIZE - sizeof(struct drpc_header);

	assert_int_equal(DRPC_MAX_DATA_SIZE, room);
	assert_int_equal(DRPC_CHUNK_SIZE(room), UNIXCOMM_MAXMSGSIZE);
	assert_int_equal(DRPC_CHUNK_SIZE(room + 1), UNIXCOMM_MAXMSGSIZE);
	assert_int_equal(DRPC_CHUNK_SIZE((size_t)10), 10 + DRPC_HEADER_LEN);
}

static void
errors_of_argobots_have_names(void **state)
{
	char line[64];

	snprintf(line, sizeof(line), AF_RC, AP_RC(ABT_ERR_MEM));
	assert_string_equal(line, "ABT_ERR_MEM(2): 'Out of memory'");
	assert_string_equal(dss_abterr2str(-1), "ABT_ERR_OTHER");
	assert_string_equal(dss_abterr2desc(1000), "Other error");
	assert_int_equal(dss_abterr2der(ABT_ERR_MEM), -DER_NOMEM);
	assert_int_equal(dss_abterr2der(ABT_ERR_INV_POOL), -DER_INVAL);
	assert_int_equal(dss_der2abterr(-DER_NOMEM), ABT_ERR_MEM);
	assert_int_equal(dss_der2abterr(-DER_BUSY), ABT_ERR_OTHER);
	assert_int_equal(dss_der2abterr(0), ABT_SUCCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opcodes_have_three_parts),
		cmocka_unit_test(requests_go_to_the_context_of_their_kind),
		cmocka_unit_test(protocols_say_the_version_of_each_module),
		cmocka_unit_test(versions_are_one_number),
		cmocka_unit_test(events_have_the_control_planes_names),
		cmocka_unit_test(messages_are_cut_into_packets),
		cmocka_unit_test(errors_of_argobots_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
