/*! \file ip-utils.h
 * \brief Addresses and interfaces.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_IP_UTILS_H
#define JANUS_IP_UTILS_H

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*! What a query may match. */
typedef enum janus_network_query_options {
	janus_network_query_options_none = 0,
	janus_network_query_options_name = 1,
	janus_network_query_options_ipv4 = 2,
	janus_network_query_options_ipv6 = 4,
	janus_network_query_options_any_ip = 6,
	janus_network_query_options_any = 7
} janus_network_query_options;

/*! A prepared query. */
typedef struct janus_network_query_config {
	const char *device_name;
	janus_network_query_options mode;
	struct in_addr ipv4;
	struct in6_addr ipv6;
} janus_network_query_config;

/*! An address; family is AF_INET, AF_INET6 or AF_UNSPEC. */
typedef struct janus_network_address {
	int family;
	union {
		struct in_addr ipv4;
		struct in6_addr ipv6;
	};
} janus_network_address;

/*! Room for an address as text. */
typedef struct janus_network_address_string_buffer {
	int family;
	union {
		char ipv4[16];
		char ipv6[46];
	};
} janus_network_address_string_buffer;

/*! The port is ignored. */
int janus_network_address_from_sockaddr(struct sockaddr *s, janus_network_address *a);

int janus_network_address_is_null(const janus_network_address *);

void janus_network_address_nullify(janus_network_address *);

int janus_network_address_string_buffer_is_null(const janus_network_address_string_buffer *);

void janus_network_address_string_buffer_nullify(janus_network_address_string_buffer *);

/*! Text inside the buffer, NULL for an empty one. */
const char *janus_network_address_string_from_buffer(const janus_network_address_string_buffer *b);

int janus_network_address_to_string_buffer(const janus_network_address *a, janus_network_address_string_buffer *buf);

/*! The address towards the outside; nothing is sent. */
int janus_network_detect_local_ip(janus_network_query_options addr_type, janus_network_address *result);

/*! Released with g_free; NULL without a route. */
char *janus_network_detect_local_ip_as_string(janus_network_query_options addr_type);

int janus_network_get_device_address(const struct ifaddrs *, janus_network_address *);

int janus_network_get_devices_ipv4(const struct ifaddrs *, const janus_network_query_config *, struct in_addr *);

int janus_network_get_devices_ipv6(const struct ifaddrs *, const janus_network_query_config *, struct in6_addr *);

/*! 0.0.0.0 and :: mean any address. */
int janus_network_lookup_interface(const struct ifaddrs *ifas, const char *iface, janus_network_address *result);

int janus_network_prepare_device_query(const char *user_value, const janus_network_query_options query_mode, janus_network_query_config *query);

int janus_network_prepare_device_query_default(const char *, janus_network_query_config *);

/*! First matching node, borrowed; NULL without. */
const struct ifaddrs *janus_network_query_devices(const struct ifaddrs *ifas, const janus_network_query_config *query);

/*! 0, −1 when nobody knows the name, −EINVAL. Fills family and address, leaves the port. Unlike the
 * reference, the family is the one of the address found. */
int janus_network_resolve_address(const char *host, struct sockaddr_storage *address);

int janus_network_string_is_valid_address(janus_network_query_options, const char *);

int janus_network_string_to_address(janus_network_query_options kind, const char *user_value, janus_network_address *result);

#ifdef __cplusplus
}
#endif

#endif
