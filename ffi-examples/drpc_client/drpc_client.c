/*
 * A dRPC client: calls one method of an engine, or of anything that speaks dRPC, and prints the
 * answer.
 *
 *   drpc_client <socket> <module> <method> [<body>]
 *
 * The exit status is that of the call: 0 for success, or the dRPC status; 64 and above if there was
 * no answer.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <daos/debug.h>
#include <daos/drpc.h>
#include <daos_errno.h>

enum { EXIT_USAGE = 64, EXIT_NO_ANSWER = 65 };

static void
print_body(const ProtobufCBinaryData *body)
{
	size_t i;

	for (i = 0; i < body->len; i++)
		if (isprint(body->data[i]))
			putchar(body->data[i]);
		else
			printf("\\x%02x", body->data[i]);
	putchar('\n');
}

static int
call_once(struct drpc *connection, int32_t module, int32_t method, char *body)
{
	Drpc__Call *call;
	Drpc__Response *response;
	int rc;

	rc = drpc_call_create(connection, module, method, &call);
	if (rc != 0)
		return rc;
	call->body.data = (uint8_t *)body;
	call->body.len = strlen(body);

	rc = drpc_call(connection, R_SYNC, call, &response);

	/* the body is ours, not the call's */
	call->body.data = NULL;
	call->body.len = 0;
	drpc_call_free(call);
	if (rc != 0)
		return rc;

	printf("status %d, %zu bytes\n", response->status, response->body.len);
	if (response->body.len > 0)
		print_body(&response->body);
	rc = response->status;
	drpc_response_free(response);
	return rc;
}

int
main(int argc, char **argv)
{
	struct drpc *connection;
	char nothing[] = "";
	int rc;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: %s <socket> <module> <method> [<body>]\n", argv[0]);
		return EXIT_USAGE;
	}
	rc = daos_debug_init(DAOS_LOG_DEFAULT);
	if (rc != 0)
		return EXIT_NO_ANSWER;

	rc = drpc_connect(argv[1], &connection);
	if (rc == 0) {
		rc = call_once(connection, atoi(argv[2]), atoi(argv[3]),
			       argc == 5 ? argv[4] : nothing);
		drpc_close(connection);
	}
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], d_errdesc(rc));

	daos_debug_fini();
	return rc < 0 ? EXIT_NO_ANSWER : rc;
}
