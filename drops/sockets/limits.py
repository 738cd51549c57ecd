"""What one socket, one viewer and the whole process may take. All of it is far beyond what players need."""

# Bytes of one frame, and of a message in parts.
FRAME = 4096
# Bytes that a socket may send: so many at once, and so many more a second. A player sends some thirty a second.
BURST, BYTES_A_SECOND = 64 * 1024, 1024
# Bytes that wait for a viewer who does not read, beyond which the socket is cut off: here, and in the kernel.
UNREAD = 64 * 1024
KERNEL_BUFFER = 16 * 1024
# Frames of one viewer in a minute, on all sockets together.
FRAMES_A_MINUTE = 300
SOCKETS_OF_A_VIEWER = 10
CHANNELS_OF_A_SOCKET = 8
# Frames that cannot be read, after which a socket is ended.
BAD_FRAMES = 10
# Sockets of the process.
SOCKETS = 20_000
# Seconds: to open a socket, between two pings and until the answer to one.
OPENING = 10
PING = 40
# Seconds between two looks at all channels that are followed: campaigns begin and end by the clock.
SWEEP = 3.0
# Seconds that news of several viewers gather for one look, and viewers in it.
GATHERED = 0.05
LOOK = 1000
# Pages of one channel that may come for more in a second.
PAGES_A_SECOND = 300
# Threads that ask the database and Redis.
THREADS = 8
