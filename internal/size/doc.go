// Package size reads and writes numbers of bytes as people write them on command lines and in files.
package size
