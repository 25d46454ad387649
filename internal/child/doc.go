// Package child runs programs that do not outlive the one that started them, on CPUs of their own: the servers and the
// generators of a comparison.
package child
