/* What the programs here share. */
#ifndef EMBEDDING_H
#define EMBEDDING_H

#include <janus_rs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the place and what the library says. */
#define EXPECT(condition) do { \
	if(!(condition)) { \
		fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, janus_rs_error()); \
		exit(1); \
	} \
} while(0)

#endif
