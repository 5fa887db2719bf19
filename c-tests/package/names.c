/* A program of somebody else's: finds a function and a variable of the engine, and one library
 * under each of the names that it is given. */

#include <dlfcn.h>
#include <stdio.h>

#include <abt.h>
#include <daos_srv/daos_engine.h>

int
main(int argc, char **argv)
{
	int i;

	if (ABT_init(0, NULL) != ABT_SUCCESS || ABT_finalize() != ABT_SUCCESS || dss_tgt_nr != 0) {
		fprintf(stderr, "the engine's library does not work\n");
		return 1;
	}
	for (i = 1; i < argc; i++) {
		void *library = dlopen(argv[i], RTLD_NOW);

		if (library == NULL) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		if (library != dlopen("libdaos_engine.so.2", RTLD_NOW)) {
			fprintf(stderr, "%s is another library\n", argv[i]);
			return 1;
		}
	}
	return 0;
}
