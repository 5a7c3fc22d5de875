/*! \file about.h
 * \brief What a module that is made for tests says of itself.
 *
 * Before it is included: ABOUT_API (the interface's number), ABOUT_PACKAGE and ABOUT_TEXT. In the module's table: ABOUT.
 */

static int about_api(void) {
	return ABOUT_API;
}

static int about_version(void) {
	return 1;
}

static const char *about_text(void) {
	return ABOUT_TEXT;
}

static const char *about_package(void) {
	return ABOUT_PACKAGE;
}

#define ABOUT \
	.get_api_compatibility = about_api, \
	.get_version = about_version, \
	.get_version_string = about_text, \
	.get_description = about_text, \
	.get_name = about_text, \
	.get_author = about_text, \
	.get_package = about_package
