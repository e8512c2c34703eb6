// Package torture takes, renews, releases and breaks leases in many processes at once, while it kills
// them, stops them for longer than their leases, restarts and crashes the database, cuts and slows
// connections and uses up the server's. What happened is recorded twice, by the processes and by a
// trigger in the database, and then judged:
//
//   - by the database's clock, no lock is granted while another lease on it lasts, and fences only
//     go up;
//   - no two processes are certain of one lock at the same time, each by its own clock;
//   - a guarded resource never takes a write with an older fence after a newer one, and never
//     refuses one from a process that is certain of its lease;
//   - the history of every lock is linearizable: there is an order in which the operations, each at
//     one moment between its call and its answer, are those of one correct lock.
//
// The processes are this program itself, run again (Worker). It is for systems with signals.
package torture
