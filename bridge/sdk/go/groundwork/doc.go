// Makes, proves, locks and guards the place where infrastructure state lives.
package groundwork
