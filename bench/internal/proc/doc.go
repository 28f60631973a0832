// Package proc runs the processes under test and accounts for their CPU time and memory, by /proc: on Linux only.
package proc
