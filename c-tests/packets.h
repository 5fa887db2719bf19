/* Peers that speak dRPC by hand, packet by packet, rightly or wrongly. */
#ifndef C_TESTS_PACKETS_H
#define C_TESTS_PACKETS_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <daos/drpc.h>

/* Longest wait for what must come, in milliseconds. */
enum { PEER_TIMEOUT = 20000 };

/* Sends a packet whose header says what it likes. */
static inline bool
peer_send(int fd, size_t total, size_t len, uint32_t index, uint32_t count, const void *data,
	  size_t data_len)
{
	static uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	struct drpc_header header = {
		.total_data_size = total,
		.chunk_data_size = len,
		.chunk_idx = index,
		.total_chunks = count,
	};

	memcpy(packet, &header, sizeof(header));
	if (data_len != 0)
		memcpy(packet + sizeof(header), data, data_len);
	return send(fd, packet, sizeof(header) + data_len, MSG_NOSIGNAL) ==
	       (ssize_t)(sizeof(header) + data_len);
}

/* Sends a whole message that fits into one packet. */
static inline bool
peer_send_message(int fd, const void *message, size_t len)
{
	return peer_send(fd, len, len, 0, 1, message, len);
}

/* Receives a packet; its length, 0 when the other side has closed, -1 when nothing comes. */
static inline ssize_t
peer_receive(int fd, uint8_t *packet, int timeout)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	ssize_t len;

	if (poll(&pollfd, 1, timeout) != 1)
		return -1;
	len = recv(fd, packet, UNIXCOMM_MAXMSGSIZE, MSG_DONTWAIT);
	return len < 0 ? 0 : len;
}

/* Receives a response of one packet; null when the other side closes or nothing comes. */
static inline Drpc__Response *
peer_receive_response(int fd)
{
	static uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	ssize_t len = peer_receive(fd, packet, PEER_TIMEOUT);

	if (len < (ssize_t)sizeof(struct drpc_header))
		return NULL;
	return drpc__response__unpack(NULL, len - sizeof(struct drpc_header),
				      packet + sizeof(struct drpc_header));
}

/* Whether the other side closes the connection, whatever it sends before. */
static inline bool
peer_is_closed(int fd)
{
	static uint8_t packet[UNIXCOMM_MAXMSGSIZE];
	ssize_t len;

	do {
		len = peer_receive(fd, packet, PEER_TIMEOUT);
	} while (len > 0);
	return len == 0;
}

static inline int
peer_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if (len >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif
