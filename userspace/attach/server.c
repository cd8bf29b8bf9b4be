// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "meeting.h"
#include "server.h"
#include "wire.h"

#define CLIENTS		16
#define NAME_SIZE	32
#define PEER_GROUPS	256
#define GOODBYE_MS	2000	/* for the last line, once the pumps rest */

struct client {
	int fd;
	uid_t uid;
	bool may[CONFIG_RIGHTS];
	char name[NAME_SIZE];		/* as it calls itself */
	char who[NAME_SIZE + 24];	/* for the record: with what the kernel says of it */
	struct wire_told told;
	char *out;			/* what is to be sent */
	size_t length, sent;
	char in[512];			/* what has come of a line */
	size_t in_length;
};

struct server {
	struct run_front front;
	struct meeting meeting;
	struct client clients[CLIENTS];
	size_t count;
	int holder;			/* descriptor of the client that has the run in hand; -1: none */
};

static struct server *server_of(struct run_front *front)
{
	return (struct server *)front;
}

static void drop(struct server *s, struct client *c)
{
	if (s->holder == c->fd)
		s->holder = -1;
	close(c->fd);
	free(c->out);
	wire_forget(&c->told);
	*c = s->clients[--s->count];
}

static const char *holder_name(const struct server *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->clients[i].fd == s->holder)
			return s->clients[i].who;
	return NULL;
}

/* ---- out ------------------------------------------------------------------------------- */

/* As much as goes without waiting; false: the line is dead. */
static bool flush(struct client *c)
{
	while (c->sent < c->length) {
		ssize_t sent = send(c->fd, c->out + c->sent, c->length - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += sent;
	}
	free(c->out);
	c->out = NULL;
	c->length = 0;
	c->sent = 0;
	return true;
}

static bool add_line(struct client *c, const char *line)
{
	size_t length = strlen(line);
	char *out = realloc(c->out, c->length + length + 1);

	if (!out)
		return false;
	memcpy(out + c->length, line, length);
	out[c->length + length] = '\n';
	c->out = out;
	c->length += length + 1;
	return true;
}

static bool show(const struct server *s, struct client *c, const struct run_view *view)
{
	char *line = wire_write(view, &c->told, holder_name(s));
	bool good = line && add_line(c, line);

	free(line);
	return good && flush(c);
}

static void draw(struct run_front *front, const struct run_view *view)
{
	struct server *s = server_of(front);

	/* One that does not keep up gets less often what has changed since. */
	for (size_t i = s->count; i-- > 0;)
		if (!s->clients[i].out && !show(s, &s->clients[i], view))
			drop(s, &s->clients[i]);
}

static bool refuse(struct client *c, const char *why)
{
	struct json_object *object = json_object_new_object();
	bool good;

	json_object_object_add(object, "refused", json_object_new_string(why));
	good = add_line(c, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN)) && flush(c);
	json_object_put(object);
	return good;
}

/* ---- in -------------------------------------------------------------------------------- */

/* The kernel's word, without asking a directory of users, which may not answer. */
static size_t peer_groups(int fd, const struct ucred *peer, gid_t groups[PEER_GROUPS + 1])
{
	socklen_t size = PEER_GROUPS * sizeof(groups[0]);

	groups[0] = peer->gid;
	/* More of them than there is room for count as none. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size))
		return 1;
	return 1 + size / sizeof(groups[0]);
}

static void accept_client(struct server *s)
{
	int fd = accept4(s->meeting.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c = &s->clients[s->count];
	gid_t groups[PEER_GROUPS + 1];
	struct ucred peer;
	socklen_t size = sizeof(peer);
	size_t group_count;

	if (fd < 0)
		return;
	if (s->count == CLIENTS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		close(fd);
		return;
	}
	*c = (struct client){ .fd = fd, .uid = peer.uid };
	group_count = peer_groups(fd, &peer, groups);
	for (int i = 0; i < CONFIG_RIGHTS; i++)
		c->may[i] = config_may(config_get(), i, peer.uid, groups, group_count);
	snprintf(c->who, sizeof(c->who), "uid %u", (unsigned int)peer.uid);
	s->count++;
	if (c->may[CONFIG_WATCH])
		return;
	refuse(c, "you are none of those whom the configuration lets watch this run");
	drop(s, c);
}

/* A name is for people; who it is for sure the number says, which is the kernel's word. */
static void take_name(struct client *c, const char *name)
{
	size_t length = 0;

	for (; *name && length < NAME_SIZE - 1; name++)
		if (*name > ' ' && *name < 0x7f)
			c->name[length++] = *name;
	c->name[length] = '\0';
	snprintf(c->who, sizeof(c->who), "%s%s(uid %u)", c->name, length ? " " : "", (unsigned int)c->uid);
}

static bool take_hold(struct server *s, struct client *c, bool from_other)
{
	char why[160];

	if (!c->may[CONFIG_CONTROL])
		return refuse(c, "only watching: this run is another user's");
	if (s->holder >= 0 && s->holder != c->fd && !from_other) {
		snprintf(why, sizeof(why), "only watching: %s has the run in hand; c takes it over", holder_name(s));
		return refuse(c, why);
	}
	s->holder = c->fd;
	return true;
}

static bool take_command(struct server *s, struct client *c, struct run_control *control, const char *name)
{
	int command = wire_command(name);

	if (command == RUN_TAKE)
		return take_hold(s, c, true);
	if (command == RUN_DETACH || !strcmp(name, "watch"))
		return true;
	if (!strcmp(name, "attach"))
		return take_hold(s, c, false);
	if (command < 0)
		return false;
	if (command == RUN_STOP || command == RUN_EMERGENCY_STOP) {
		if (!c->may[CONFIG_STOP])
			return refuse(c, "only watching: the configuration does not let you stop this run");
	} else if (s->holder != c->fd) {
		return refuse(c, c->may[CONFIG_CONTROL] ? "only watching: c takes the run in hand" :
			      "only watching: this run is another user's");
	}
	control->command(control, command, c->who);
	return true;
}

/* False: no line of ours. */
static bool take_line(struct server *s, struct client *c, struct run_control *control, const char *line)
{
	struct json_object *object = json_tokener_parse(line), *member;
	bool good = object && json_object_is_type(object, json_type_object);

	if (good && json_object_object_get_ex(object, "name", &member) && json_object_get_string(member))
		take_name(c, json_object_get_string(member));
	if (good && json_object_object_get_ex(object, "command", &member) && json_object_get_string(member))
		good = take_command(s, c, control, json_object_get_string(member));
	json_object_put(object);
	return good;
}

/* False: it is gone, or talks nonsense. */
static bool hear(struct server *s, struct client *c, struct run_control *control)
{
	ssize_t got = recv(c->fd, c->in + c->in_length, sizeof(c->in) - 1 - c->in_length, MSG_DONTWAIT);
	char *end;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!got)
		return false;
	c->in_length += got;
	c->in[c->in_length] = '\0';
	while ((end = memchr(c->in, '\n', c->in_length))) {
		*end = '\0';
		if (!take_line(s, c, control, c->in))
			return false;
		c->in_length -= end + 1 - c->in;
		memmove(c->in, end + 1, c->in_length);
	}
	return c->in_length < sizeof(c->in) - 1;
}

static int fds(struct run_front *front, struct pollfd *fds, int max)
{
	struct server *s = server_of(front);
	int count = 0;

	fds[count++] = (struct pollfd){ .fd = s->meeting.fd, .events = POLLIN };
	for (size_t i = 0; i < s->count && count < max; i++)
		fds[count++] = (struct pollfd){
			.fd = s->clients[i].fd, .events = POLLIN | (s->clients[i].out ? POLLOUT : 0),
		};
	return count;
}

static void handle(struct run_front *front, struct run_control *control, const struct pollfd *fds, int count)
{
	struct server *s = server_of(front);

	/* From the end, as one that goes is replaced by the last. */
	for (int i = count - 1; i > 0; i--) {
		struct client *c = &s->clients[i - 1];

		if ((fds[i].revents & POLLOUT && !flush(c)) ||
		    (fds[i].revents & (POLLIN | POLLHUP | POLLERR) && !hear(s, c, control)))
			drop(s, c);
	}
	if (fds[0].revents)
		accept_client(s);
}

/* ---- the end --------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void finish(struct run_front *front, const struct run_view *view)
{
	struct server *s = server_of(front);
	int64_t until_ms = now_ms() + GOODBYE_MS;

	for (size_t i = s->count; i-- > 0;)
		if (!show(s, &s->clients[i], view))
			drop(s, &s->clients[i]);
	while (s->count) {
		struct client *c = &s->clients[s->count - 1];
		struct pollfd room = { .fd = c->fd, .events = POLLOUT };
		int64_t left_ms = until_ms - now_ms();

		if (c->out && left_ms > 0 && poll(&room, 1, left_ms) > 0 && flush(c) && c->out)
			continue;
		drop(s, c);
	}
	meeting_close(&s->meeting);
}

static bool attended(struct run_front *front)
{
	return server_of(front)->holder >= 0;
}

struct run_front *server_new(const char *record_path)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s || meeting_open(&s->meeting, record_path, config_get() && config_get()->has_permissions)) {
		fprintf(stderr,
			"nanodose: no screen can come to this run: its socket cannot be made: %s; NANODOSE_RUNTIME_DIR may name a folder for it\n",
			strerror(errno));
		free(s);
		return NULL;
	}
	s->holder = -1;
	s->front = (struct run_front){ .fds = fds, .handle = handle, .draw = draw, .finish = finish,
					.attended = attended };
	return &s->front;
}

const char *server_name(const struct run_front *front)
{
	return ((const struct server *)front)->meeting.name;
}

void server_free(struct run_front *front)
{
	struct server *s = server_of(front);

	if (!front)
		return;
	while (s->count)
		drop(s, &s->clients[s->count - 1]);
	meeting_close(&s->meeting);
	free(s);
}
