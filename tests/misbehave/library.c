/* A library that a plugin opens by itself, and closes too early. */

int in_a_library(void);
int in_a_library(void) {
	return 7;
}
