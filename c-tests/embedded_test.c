/* An engine as a guest in this process, under a control plane played by a thread:
 * engine/embedded.h, and with it the functions and variables of init.c before, while and after an
 * engine runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cart/api.h>
#include <daos/drpc.h>
#include <daos/drpc.pb-c.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>
#include <engine/embedded.h>
#include <engine/srv_internal.h>

enum { RANK = 7, PACKET = 1 << 17, NO_RANK_SET = -1 };

static char dir[] = "/tmp/embedded_test.XXXXXX";

/* ---- the control plane ---- */

/* In front of each packet of the dRPC channel. */
struct packet_header {
	uint64_t total_size;
	uint64_t chunk_size;
	uint32_t chunk;
	uint32_t chunks;
};

/* One engine's NotifyReady, and what follows it. */
struct control_plane {
	pthread_t thread;
	int listener;
	/* To assign, or NO_RANK_SET. */
	int rank;
	/* Seen. */
	int module;
	int method;
	/* Of the calling thread, which is no xstream of the engine. */
	bool had_module_info;
	int rank_rc;
};

/* Answers one call with success; the body of the answer is empty. */
static void
answer(struct control_plane *plane, int peer)
{
	static uint8_t packet[PACKET];
	Drpc__Response response = DRPC__RESPONSE__INIT;
	struct packet_header header = {.chunks = 1};
	Drpc__Call *call;
	ssize_t size = recv(peer, packet, sizeof(packet), 0);

	if (size < (ssize_t)sizeof(header))
		return;
	call = drpc__call__unpack(NULL, size - sizeof(header), packet + sizeof(header));
	if (call == NULL)
		return;
	plane->module = call->module;
	plane->method = call->method;
	response.sequence = call->sequence;
	drpc__call__free_unpacked(call, NULL);

	header.total_size = drpc__response__pack(&response, packet + sizeof(header));
	header.chunk_size = header.total_size;
	memcpy(packet, &header, sizeof(header));
	send(peer, packet, sizeof(header) + header.total_size, MSG_NOSIGNAL);
}

/* Takes the NotifyReady, then does what the handlers of SetRank and SetUp do. */
static void *
control(void *arg)
{
	struct control_plane *plane = arg;
	int peer = accept(plane->listener, NULL, NULL);

	if (peer < 0)
		return NULL;
	answer(plane, peer);
	close(peer);
	plane->had_module_info = get_module_info() != NULL;
	if (plane->rank != NO_RANK_SET)
		plane->rank_rc = crt_rank_self_set(plane->rank, 1);
	if (dss_module_setup_all() == 0)
		dss_init_state_set(DSS_INIT_STATE_SET_UP);
	return NULL;
}

static void
control_plane_start(struct control_plane *plane, int rank)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*plane = (struct control_plane){.rank = rank};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/daos_server.sock", dir);
	unlink(address.sun_path);
	plane->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(plane->listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(plane->listener, 1), 0);
	assert_int_equal(pthread_create(&plane->thread, NULL, control, plane), 0);
}

static void
control_plane_stop(struct control_plane *plane)
{
	char path[sizeof(dir) + sizeof("/daos_server.sock")];

	assert_int_equal(pthread_join(plane->thread, NULL), 0);
	close(plane->listener);
	snprintf(path, sizeof(path), "%s/daos_server.sock", dir);
	assert_int_equal(unlink(path), 0);
}

/* Stops a control plane that no engine has called. */
static void
control_plane_cancel(struct control_plane *plane)
{
	shutdown(plane->listener, SHUT_RDWR);
	control_plane_stop(plane);
}

/* ---- engines ---- */

/* Starts an engine with up to 15 further words. */
static int
start(const char *first, ...)
{
	char *argv[32] = {"embedded_test", "-d", dir};
	int argc = 3;
	const char *word;
	va_list words;

	va_start(words, first);
	for (word = first; word != NULL; word = va_arg(words, const char *))
		argv[argc++] = (char *)word;
	va_end(words);
	return daos_engine_start(argc, argv);
}

static void
the_variables_are_as_at_build_time(void)
{
	assert_string_equal(daos_sysname, "daos_server");
	assert_string_equal(dss_storage_path, "/mnt/daos");
	assert_string_equal(dss_socket_dir, "/var/run/daos_server");
	assert_null(dss_nvme_conf);
	assert_int_equal(dss_nvme_mem_size, 0);
	assert_int_equal(dss_nvme_hugepage_size, 0);
	assert_int_equal(dss_instance_idx, 0);
	assert_int_equal(dss_storage_tiers, 2);
	assert_int_equal((int)dss_core_offset, -1);
	assert_int_equal(dss_numa_node, -1);
	assert_int_equal(dss_numa_nr, 1);
	assert_int_equal(dss_tgt_nr, 0);
	assert_int_equal(dss_tgt_offload_xs_nr, 0);
	assert_false(dss_forward_neighbor);
	assert_null(dss_numa);
	assert_null(dss_topo);
	assert_int_equal(dss_core_depth, 0);
	assert_false(engine_in_check());
	assert_int_equal(dss_get_join_version().raw, 0);
	assert_int_equal(dss_self_rank(), CRT_NO_RANK);
}

static void
an_engine_comes_and_goes(void **state)
{
	struct control_plane plane;
	daos_version_t version = {.raw = 0x01020304};
	char host[256] = "";

	the_variables_are_as_at_build_time();
	control_plane_start(&plane, RANK);
	assert_int_equal(start("-t", "2", "-x", "1", "-g", "here", "-s", "/nowhere", "-n", "/nvme",
			       "-r", "64", "-H", "2", "-I", "3", "-T", "1", NULL),
			 0);
	assert_int_equal(plane.module, DRPC_MODULE_SRV);
	assert_int_equal(plane.method, DRPC_METHOD_SRV_NOTIFY_READY);
	assert_false(plane.had_module_info);
	assert_int_equal(plane.rank_rc, 0);

	assert_int_equal(dss_self_rank(), RANK);
	assert_string_equal(daos_sysname, "here");
	assert_string_equal(dss_storage_path, "/nowhere");
	assert_string_equal(dss_socket_dir, dir);
	assert_string_equal(dss_nvme_conf, "/nvme");
	assert_int_equal(dss_nvme_mem_size, 64);
	assert_int_equal(dss_nvme_hugepage_size, 2);
	assert_int_equal(dss_instance_idx, 3);
	assert_int_equal(dss_storage_tiers, 1);
	assert_int_equal(dss_tgt_nr, 2);
	assert_int_equal(dss_tgt_offload_xs_nr, 1);
	assert_true(dss_core_nr >= 1);
	assert_int_equal(dss_core_offset, 0);
	assert_int_equal(dss_xstream_cnt(), 3 + 2 + 1);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(dss_hostname, host);
	dss_set_join_version(version);
	assert_int_equal(dss_get_join_version().raw, version.raw);

	assert_int_equal(daos_engine_stop(), 0);
	control_plane_stop(&plane);
	the_variables_are_as_at_build_time();
}

static void
check_mode_and_neighbours_are_visible(void **state)
{
	struct control_plane plane;

	setenv("DAOS_FORWARD_NEIGHBOR", "1", 1);
	control_plane_start(&plane, 0);
	assert_int_equal(start("-t", "1", "--check", NULL), 0);
	assert_true(engine_in_check());
	assert_true(dss_forward_neighbor);
	assert_int_equal(daos_engine_stop(), 0);
	control_plane_stop(&plane);
	unsetenv("DAOS_FORWARD_NEIGHBOR");
	the_variables_are_as_at_build_time();
}

static void
a_node_of_the_machine_can_be_chosen(void **state)
{
	struct control_plane plane;
	int rc;

	control_plane_start(&plane, 0);
	rc = start("-t", "1", "-p", "0", NULL);
	if (rc == 0) {
		assert_int_equal(dss_numa_node, 0);
		assert_non_null(dss_numa);
		assert_int_equal(dss_numa[0].ni_idx, 0);
		assert_in_range(dss_numa[0].ni_core_nr, 1, dss_core_nr);
		assert_int_equal(daos_engine_stop(), 0);
		control_plane_stop(&plane);
	} else {
		/* The cores of a node are not oversubscribed, and this machine may have few. */
		assert_int_equal(rc, -DER_INVAL);
		control_plane_cancel(&plane);
	}
	assert_int_equal(start("-t", "1", "-p", "4000", NULL), -DER_INVAL);
	the_variables_are_as_at_build_time();
}

static void *
stop_from_elsewhere(void *rc)
{
	*(int *)rc = daos_engine_stop();
	return NULL;
}

static void
misuse_is_refused_and_does_no_harm(void **state)
{
	struct control_plane plane;
	pthread_t other;
	int rc = 0;

	assert_int_equal(daos_engine_stop(), -DER_UNINIT);
	assert_int_equal(start("-q", NULL), -DER_INVAL);
	assert_int_equal(start("-t", "0", NULL), -DER_INVAL);
	assert_int_equal(start("-t", "1", "-m", "nowhere", NULL), -DER_INVAL);

	control_plane_start(&plane, 0);
	assert_int_equal(start("-t", "1", NULL), 0);
	assert_int_equal(start("-t", "1", NULL), -DER_ALREADY);
	assert_int_equal(pthread_create(&other, NULL, stop_from_elsewhere, &rc), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(rc, -DER_NO_PERM);
	assert_int_equal(crt_rank_self_set(1, 1), -DER_INVAL);
	assert_int_equal(dss_self_rank(), 0);
	assert_int_equal(daos_engine_stop(), 0);
	control_plane_stop(&plane);
	assert_int_equal(daos_engine_stop(), -DER_UNINIT);
	the_variables_are_as_at_build_time();
}

static void
without_a_control_plane_there_is_no_engine(void **state)
{
	assert_true(start("-t", "1", NULL) < 0);
	assert_int_equal(daos_engine_stop(), -DER_UNINIT);
	the_variables_are_as_at_build_time();
}

static void
an_engine_without_a_rank_does_not_start(void **state)
{
	struct control_plane plane;

	control_plane_start(&plane, NO_RANK_SET);
	assert_int_equal(start("-t", "1", NULL), -DER_NONEXIST);
	control_plane_stop(&plane);
	the_variables_are_as_at_build_time();
}

static void
ranks_are_checked(void **state)
{
	d_rank_t rank = 0;

	assert_int_equal(crt_group_rank(NULL, &rank), -DER_UNINIT);
	assert_int_equal(crt_init_opt("test", CRT_FLAG_BIT_SERVER, NULL), 0);
	assert_int_equal(crt_group_rank(NULL, NULL), -DER_INVAL);
	assert_int_equal(crt_group_rank(NULL, &rank), -DER_NONEXIST);
	assert_int_equal(rank, CRT_NO_RANK);
	assert_int_equal(crt_rank_self_set(CRT_NO_RANK, 1), -DER_INVAL);
	assert_int_equal(crt_rank_self_set(1, 0), -DER_INVAL);
	assert_int_equal(crt_finalize(), 0);
}

static int
setup(void **state)
{
	setenv("DAOS_TARGET_OVERSUBSCRIBE", "1", 1);
	setenv("D_LOG_MASK", "ERR", 0);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_comes_and_goes),
		cmocka_unit_test(check_mode_and_neighbours_are_visible),
		cmocka_unit_test(a_node_of_the_machine_can_be_chosen),
		cmocka_unit_test(misuse_is_refused_and_does_no_harm),
		cmocka_unit_test(without_a_control_plane_there_is_no_engine),
		cmocka_unit_test(an_engine_without_a_rank_does_not_start),
		cmocka_unit_test(ranks_are_checked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
