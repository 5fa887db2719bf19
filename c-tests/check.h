/* A check where an assertion of cmocka cannot be: in callbacks, out of which nobody may jump, and
 * in other processes, where cmocka does not see what fails. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

/** Ends the process if it does not hold. */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

#endif /* CHECK_H */
