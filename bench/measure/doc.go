// Package measure takes the figures: the processor time and memory of a process, read from outside. It measures several
// servers in turn, in rounds, so that other load of the machine affects all of them. It needs Linux.
package measure
