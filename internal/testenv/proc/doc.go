// Package proc runs a server program for as long as a test, a benchmark or the quickstart needs it.
//
// A Server says how to start one program on one port of the loopback interface and how to tell that
// it serves. Start picks the port, waits, and reports the end of the program's log when it does not
// come up. The program never outlives the process that started it, not even one that is killed.
//
// A further server needs a Server value and a readiness check; package minio is the pattern.
package proc
