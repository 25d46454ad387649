package load

// headerSize is the bytes that a message begins with: its number and its connection's mark.
const headerSize = 16
