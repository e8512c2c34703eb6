// Creates, proves, locks, watches and rescues the place where infrastructure state lives.
package groundwork
