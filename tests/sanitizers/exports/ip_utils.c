/* ip-utils.h */
#include "exports.h"

void test_ip_utils(void) {
	CALL(2, 0x3, -EINVAL, janus_network_address_from_sockaddr(P(0, buffer()), P(1, address())));
	CALL(1, 0x1, TRUE, janus_network_address_is_null(P(0, address())));
	VOID(1, janus_network_address_nullify(P(0, address())));
	CALL(1, 0x1, TRUE, janus_network_address_string_buffer_is_null(P(0, buffer())));
	VOID(1, janus_network_address_string_buffer_nullify(P(0, buffer())));
	TEXT(1, 0x1, janus_network_address_string_from_buffer(P(0, buffer())));
	CALL(2, 0x3, -EINVAL, janus_network_address_to_string_buffer(P(0, address()), P(1, buffer())));
	CALL(1, 0x1, -EINVAL, janus_network_detect_local_ip(integer(0), P(0, address())));
	OWNED(0, 0x0, g_free, janus_network_detect_local_ip_as_string(integer(0)));
	CALL(2, 0x3, -EINVAL, janus_network_get_device_address(P(0, interfaces()), P(1, address())));
	CALL(3, 0x7, -EINVAL, janus_network_get_devices_ipv4(P(0, interfaces()), P(1, query()), P(2, buffer())));
	CALL(3, 0x7, -EINVAL, janus_network_get_devices_ipv6(P(0, interfaces()), P(1, query()), P(2, buffer())));
	CALL(3, 0x7, -EINVAL, janus_network_lookup_interface(P(0, interfaces()), P(1, text()), P(2, address())));
	CALL(2, 0x3, -EINVAL, janus_network_prepare_device_query(P(0, text()), integer(0), P(1, buffer())));
	CALL(2, 0x3, -EINVAL, janus_network_prepare_device_query_default(P(0, text()), P(1, buffer())));
	CALL(2, 0x3, NULL, janus_network_query_devices(P(0, interfaces()), P(1, query())));
	CALL(2, 0x3, -EINVAL, janus_network_resolve_address(P(0, "127.0.0.1"), P(1, buffer())));
	CALL(1, 0x1, FALSE, janus_network_string_is_valid_address(integer(0), P(0, text())));
	CALL(2, 0x3, -EINVAL, janus_network_string_to_address(integer(0), P(0, text()), P(1, address())));
}
