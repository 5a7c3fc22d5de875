/* ip-utils.h: interfaces and addresses. */
#include "oracle.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

static const char *const addresses[] = {
	NULL, "", "0.0.0.0", "127.0.0.1", "127.1", "192.0.2.1", "192.0.2.256", "192.0.2", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1.1", "0x7f.0.0.1", "010.0.0.1",
	"::", "::1", "2001:db8::1", "2001:DB8::1", "::ffff:192.0.2.1", "fe80::1%lo", "2001:db8::1::2", "[::1]", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", ":::",
	"lo", "LO", "eth0", "test0", "test6", "nothing", "a-name-that-is-longer-than-interfaces-can-be", "lo ", "localhost", "198.51.100.7",
};

static const janus_network_query_options modes[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

/* Interfaces of our own, the same everywhere. */
static struct ifaddrs interfaces[6];
static struct sockaddr_in v4[2];
static struct sockaddr_in6 v6[2];
static struct sockaddr other;

static void make_interfaces(void) {
	static char loopback[] = "lo", first[] = "test0", second[] = "test6";
	v4[0].sin_family = v4[1].sin_family = AF_INET;
	v6[0].sin6_family = v6[1].sin6_family = AF_INET6;
	other.sa_family = AF_UNIX;
	inet_pton(AF_INET, "127.0.0.1", &v4[0].sin_addr);
	inet_pton(AF_INET, "192.0.2.1", &v4[1].sin_addr);
	inet_pton(AF_INET6, "::1", &v6[0].sin6_addr);
	inet_pton(AF_INET6, "2001:db8::1", &v6[1].sin6_addr);
	struct ifaddrs list[] = {
		{ .ifa_name = first, .ifa_addr = NULL }, { .ifa_name = first, .ifa_addr = &other },
		{ .ifa_name = loopback, .ifa_addr = (struct sockaddr *)&v4[0] }, { .ifa_name = loopback, .ifa_addr = (struct sockaddr *)&v6[0] },
		{ .ifa_name = first, .ifa_addr = (struct sockaddr *)&v4[1] }, { .ifa_name = second, .ifa_addr = (struct sockaddr *)&v6[1] },
	};
	memcpy(interfaces, list, sizeof(list));
	for(size_t i = 0; i + 1 < COUNT(interfaces); i++)
		interfaces[i].ifa_next = &interfaces[i + 1];
}

static void address(const janus_network_address *a) {
	char text[INET6_ADDRSTRLEN] = "";
	INT(a->family);
	if(a->family == AF_INET || a->family == AF_INET6)
		inet_ntop(a->family, &a->ipv4, text, sizeof(text));
	TEXT(text);
}

/* HL-031 */
static void queries(const char *value, janus_network_query_options mode) {
	const char *label = value ? value : "NULL";
	janus_network_query_config query = { 0 };
	CASE("janus_network_prepare_device_query", "%s, mode %d", label, mode);
	int result = janus_network_prepare_device_query(value, mode, &query);
	INT(result);
	if(result == 0) {
		INT(query.mode), INT(query.device_name == value);
		if(query.mode & janus_network_query_options_ipv4)
			BYTES(&query.ipv4, sizeof(query.ipv4));
		if(query.mode & janus_network_query_options_ipv6)
			BYTES(&query.ipv6, sizeof(query.ipv6));
		CASE("janus_network_query_devices", "%s, mode %d", label, mode);
		const struct ifaddrs *found = janus_network_query_devices(&interfaces[2], &query);
		INT(found ? found - interfaces : -1);
		for(size_t i = 2; i < COUNT(interfaces); i++) {
			struct in_addr four = { 0 };
			struct in6_addr six = { 0 };
			CASE("janus_network_get_devices_ipv4", "%s, mode %d, %zu", label, mode, i);
			INT(janus_network_get_devices_ipv4(&interfaces[i], &query, &four)), BYTES(&four, sizeof(four));
			CASE("janus_network_get_devices_ipv6", "%s, mode %d, %zu", label, mode, i);
			INT(janus_network_get_devices_ipv6(&interfaces[i], &query, &six)), BYTES(&six, sizeof(six));
		}
	}
	CASE("janus_network_string_is_valid_address", "%s, mode %d", label, mode);
	INT(janus_network_string_is_valid_address(mode, value));
	CASE("janus_network_string_to_address", "%s, mode %d", label, mode);
	janus_network_address a = { 0 };
	result = janus_network_string_to_address(mode, value, &a);
	INT(result);
	if(result == 0)
		address(&a);
}

static void buffers(void) {
	janus_network_address a;
	janus_network_address_string_buffer buffer;
	CASE("janus_network_address_nullify", "all");
	memset(&a, 0xff, sizeof(a));
	janus_network_address_nullify(&a), BYTES(&a, sizeof(a));
	janus_network_address_nullify(NULL);
	CASE("janus_network_address_is_null", "all");
	INT(janus_network_address_is_null(NULL)), INT(janus_network_address_is_null(&a));
	CASE("janus_network_address_string_buffer_nullify", "all");
	memset(&buffer, 0xff, sizeof(buffer));
	janus_network_address_string_buffer_nullify(&buffer), BYTES(&buffer, sizeof(buffer));
	janus_network_address_string_buffer_nullify(NULL);
	CASE("janus_network_address_string_buffer_is_null", "all");
	INT(janus_network_address_string_buffer_is_null(NULL)), INT(janus_network_address_string_buffer_is_null(&buffer));
	CASE("janus_network_address_string_from_buffer", "null");
	TEXT(janus_network_address_string_from_buffer(NULL)), TEXT(janus_network_address_string_from_buffer(&buffer));
	CASE("janus_network_address_to_string_buffer", "null");
	INT(janus_network_address_to_string_buffer(NULL, &buffer)), INT(janus_network_address_to_string_buffer(&a, &buffer)), INT(janus_network_address_to_string_buffer(&a, NULL));
	for(size_t i = 0; i < COUNT(interfaces); i++) {
		/* HL-028 */
		CASE("janus_network_address_from_sockaddr", "%zu", i);
		memset(&a, 0, sizeof(a));
		int result = janus_network_address_from_sockaddr(interfaces[i].ifa_addr, &a);
		INT(result);
		if(result == 0) {
			address(&a);
			CASE("janus_network_address_is_null", "%zu", i);
			INT(janus_network_address_is_null(&a));
			CASE("janus_network_address_to_string_buffer", "%zu", i);
			INT(janus_network_address_to_string_buffer(&a, &buffer));
			CASE("janus_network_address_string_buffer_is_null", "%zu", i);
			INT(janus_network_address_string_buffer_is_null(&buffer));
			CASE("janus_network_address_string_from_buffer", "%zu", i);
			TEXT(janus_network_address_string_from_buffer(&buffer));
		}
		if(i < 1)
			continue;
		CASE("janus_network_get_device_address", "%zu", i);
		memset(&a, 0, sizeof(a));
		result = janus_network_get_device_address(&interfaces[i], &a);
		INT(result);
		if(result == 0)
			address(&a);
	}
	CASE("janus_network_address_from_sockaddr", "no target");
	INT(janus_network_address_from_sockaddr((struct sockaddr *)&v4[0], NULL));
	for(int i = 0; i < 300; i++) {
		memset(&a, 0, sizeof(a));
		a.family = i & 1 ? AF_INET : AF_INET6;
		for(size_t b = 0; b < sizeof(a.ipv6); b++)
			a.ipv6.s6_addr[b] = oracle_below(3) ? (uint8_t)oracle_random() : 0;
		CASE("janus_network_address_to_string_buffer", "random %d", i);
		INT(janus_network_address_to_string_buffer(&a, &buffer)), TEXT(janus_network_address_string_from_buffer(&buffer));
	}
}

SUBJECT(net) {
	make_interfaces();
	EACH(const char *const, value, addresses) {
		EACH(const janus_network_query_options, mode, modes)
			queries(*value, *mode);
		janus_network_query_config query = { 0 };
		CASE("janus_network_prepare_device_query_default", "%s", *value ? *value : "NULL");
		INT(janus_network_prepare_device_query_default(*value, &query)), INT(query.mode);
		janus_network_address a = { 0 };
		CASE("janus_network_lookup_interface", "%s", *value ? *value : "NULL");
		int result = janus_network_lookup_interface(&interfaces[2], *value, &a);
		INT(result), address(&a);
#if ORACLE_14
		/* Names need a resolver. */
		if(!*value || strspn(*value, "0123456789.:abcdef") == strlen(*value)) {
			struct sockaddr_storage storage = { 0 };
			CASE("janus_network_resolve_address", "%s", *value ? *value : "NULL");
			int found = janus_network_resolve_address(*value, &storage);
			INT(found);
			if(found == 0)
				BYTES(&storage, 28);
		}
#endif
	}
	CASE("janus_network_lookup_interface", "no list");
	janus_network_address a = { 0 };
	INT(janus_network_lookup_interface(NULL, "lo", &a)), INT(janus_network_lookup_interface(interfaces, "lo", NULL));
	buffers();
	EACH(const janus_network_query_options, mode, modes) {
		CASE("janus_network_detect_local_ip", "mode %d", *mode);
		memset(&a, 0, sizeof(a));
		int result = janus_network_detect_local_ip(*mode, &a);
		INT(result);
		if(result == 0)
			address(&a);
		/* HL-030 */
		CASE("janus_network_detect_local_ip_as_string", "mode %d", *mode);
		TAKE(janus_network_detect_local_ip_as_string(*mode));
	}
	CASE("janus_network_detect_local_ip", "no target");
	INT(janus_network_detect_local_ip(janus_network_query_options_any_ip, NULL));
}
