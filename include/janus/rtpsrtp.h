/*! \file rtpsrtp.h
 * \brief SRTP, for modules that use libsrtp2 themselves.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_RTPSRTP_H
#define JANUS_RTPSRTP_H

#include <inttypes.h>
#include <srtp2/srtp.h>

#ifdef __cplusplus
extern "C" {
#endif

/*! Lengths in bytes. */
#define SRTP_AESGCM128_MASTER_KEY_LENGTH 16
#define SRTP_AESGCM128_MASTER_LENGTH 28
#define SRTP_AESGCM128_MASTER_SALT_LENGTH 12
#define SRTP_AESGCM256_MASTER_KEY_LENGTH 32
#define SRTP_AESGCM256_MASTER_LENGTH 44
#define SRTP_AESGCM256_MASTER_SALT_LENGTH 12
#define SRTP_MASTER_KEY_LENGTH 16
#define SRTP_MASTER_LENGTH 30
#define SRTP_MASTER_SALT_LENGTH 14

/*! Protection profiles. */
typedef enum janus_srtp_profile {
	JANUS_SRTP_AES128_CM_SHA1_32 = 1,
	JANUS_SRTP_AES128_CM_SHA1_80 = 2,
	JANUS_SRTP_AEAD_AES_128_GCM = 3,
	JANUS_SRTP_AEAD_AES_256_GCM = 4
} janus_srtp_profile;

/*! Static text, NULL outside 0 … 24. */
const char *janus_srtp_error_str(int error);

/*! Fills len bytes with cryptographic randomness: 0, or −1. */
int srtp_crypto_get_random(uint8_t *key, int len);

#ifdef __cplusplus
}
#endif

#endif
