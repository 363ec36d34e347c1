// Package measure takes the figures: the processor time and memory of a process, seen from outside, and the rounds in which
// several servers have their turns, so that whatever else the machine does hits all of them. It needs Linux.
package measure
