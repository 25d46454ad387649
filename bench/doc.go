// Package bench holds the echo servers that ours is measured against, and the test that each of them echoes. They are a
// module of their own, so that what they are built on never reaches a user of ringport.
package bench
