"""Stand-ins for hosted servers: real sockets on loopback, every byte under control."""
