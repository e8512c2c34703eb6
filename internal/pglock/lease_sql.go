package pglock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// leaseSQL are the statements of one lock table. Each is one statement and one round trip, and needs
// nothing of a session, so that they work through a pooler that gives every statement another
// connection. Functions are looked up in pg_catalog, whatever the role's search_path says.
type leaseSQL struct {
	grab, acquire, fence, draw, leave, renew, release, undo, look, list, listPlain, remove, removed, forget, listen string
}

// Times are the database's, and the statement's own: now() would be that of its transaction.
const now = "pg_catalog.clock_timestamp()"

// heldColumns read one lock, in the order in which scanHeld takes them.
const heldColumns = `l.lockid::text AS lockid, coalesce(l.data, '') AS data, coalesce(l.holder, '') AS holder,
	coalesce(l.operation, '') AS operation, coalesce(l.fence, 0) AS fence,
	coalesce(CASE WHEN isfinite(l.acquired_at) THEN extract(epoch FROM l.acquired_at) * 1000000 END, 0)::bigint AS acquired,
	CASE WHEN isfinite(l.leaseexpires) THEN extract(epoch FROM l.leaseexpires) * 1000000 ELSE 0 END::bigint AS expires,
	CASE WHEN isfinite(l.leaseexpires) THEN extract(epoch FROM l.leaseexpires - ` + now + `) WHEN l.leaseexpires < ` + now + ` THEN -1 ELSE 0 END::float8 AS remaining,
	l.leaseexpires IS NULL OR l.leaseexpires = 'infinity' AS endless`

// live is the lock that somebody holds: an end in the future, or none. An end of -infinity is past.
const live = "(l.leaseexpires IS NULL OR l.leaseexpires > " + now + ")"

// durable keeps the server from answering before what it answers is safe on its disk, where a role
// or a server is set to do that: a lease that a crash forgets would be granted twice, and a release that it forgets
// would block everybody until the lease ends. It stands in a
// WHERE, and holds for this transaction only.
const durable = `CASE WHEN pg_catalog.current_setting('synchronous_commit') = 'off'
	THEN pg_catalog.set_config('synchronous_commit', 'on', true) ELSE '' END IS NOT NULL`

// newLeaseSQL writes the statements. dead is in seconds; notify false leaves NOTIFY out, for
// databases that lack it.
func newLeaseSQL(t Table, dead float64, notify bool) leaseSQL {
	t = t.withDefaults()
	fence := "pg_catalog.nextval('" + strings.ReplaceAll(t.fenceSQL(), "'", "''") + "')"
	told := "0"
	if notify {
		told = "pg_catalog.pg_notify('" + channel(t) + "', min(w.ticket)::text)"
	}
	fill := strings.NewReplacer(
		"{locks}", t.sql(), "{waiters}", t.waitersSQL(), "{now}", now, "{nextval}", fence, "{held}", heldColumns,
		"{live}", live, "{durable}", durable, "{told}", told, "{channel}", channel(t),
		"{alive}", fmt.Sprintf("w.heartbeat_at > %s - pg_catalog.make_interval(secs => %g)", now, dead)).Replace
	return leaseSQL{
		grab: fill(grabSQL), acquire: fill(acquireSQL), fence: fill(fenceSQL), draw: fill(drawSQL), leave: fill(leaveSQL), renew: fill(renewSQL),
		release: fill(fmt.Sprintf(releaseSQL, "l.fence = $2::bigint")), undo: fill(fmt.Sprintf(releaseSQL, "l.data = $2::text")),
		look: fill(lookSQL), list: fill(listSQL), listPlain: fill(listPlainSQL), remove: fill(strings.ReplaceAll(removeSQL, "{same}", sameLock)), removed: fill(removedSQL), forget: fill(forgetSQL), listen: fill(`LISTEN "{channel}"`),
	}
}

// channel is where the table's news go. Channels belong to a database, and their names are not
// longer than those of tables.
func channel(t Table) string {
	sum := sha256.Sum256([]byte(t.sql()))
	return "groundwork_lock_" + hex.EncodeToString(sum[:16])
}

// $1 name, $2 data, $3 seconds, $4 holder, $5 operation. It is the first try of acquireSQL without all
// that says who is in the way, and returns nothing where somebody is: most of what a statement costs
// that runs once is the server's planning, and this is a fifth of it.
const grabSQL = `INSERT INTO {locks} AS l (lockid, data, leaseexpires, holder, operation, acquired_at, fence)
SELECT $1::text, $2::text, {now} + pg_catalog.make_interval(secs => $3::float8), $4::text, $5::text, {now}, {nextval}
WHERE NOT EXISTS (SELECT FROM {locks} AS l WHERE l.lockid = $1::text AND {live})
	AND NOT EXISTS (SELECT FROM {waiters} AS w WHERE w.lockid = $1::text AND {alive}) AND {durable}
ON CONFLICT (lockid) DO UPDATE SET data = excluded.data, leaseexpires = {now} + pg_catalog.make_interval(secs => $3::float8),
	holder = excluded.holder, operation = excluded.operation, acquired_at = {now}, fence = {nextval}
WHERE l.leaseexpires <= {now}
RETURNING l.fence, {nextval}`

// $1 name, $2 data, $3 seconds, $4 holder, $5 operation, $6 ticket or 0, $7 whether an earlier try of
// this very request may have succeeded.
//
// The lock is taken when nobody holds it and nobody who is alive waits before. A fence is drawn from
// the sequence while the row is locked where the row exists. For a new row it is drawn before the
// row is there to be locked, so another may take and release the lock in between, with a greater
// fence: the number after the insert (later) shows whether anybody drew one in between.
//
// What an earlier try has taken goes before all who came to wait since, for whom it is in the way. It
// keeps its fence, so that a try which arrives when the lock was granted to a later one takes nothing
// from that.
const acquireSQL = `WITH held AS (
	SELECT {held} FROM {locks} AS l WHERE l.lockid = $1::text AND {live} AND NOT ($7::bool AND l.data IS NOT DISTINCT FROM $2::text)
), mine AS (
	SELECT FROM {locks} AS l WHERE $7::bool AND l.lockid = $1::text AND l.data = $2::text AND {live}
), queue AS (
	SELECT count(*) AS waiting, count(*) FILTER (WHERE $6::bigint = 0 OR w.ticket < $6::bigint) AS ahead,
		coalesce((array_agg(w.holder ORDER BY w.ticket))[1], '') AS first, coalesce((array_agg(w.operation ORDER BY w.ticket))[1], '') AS errand
	FROM {waiters} AS w WHERE w.lockid = $1::text AND {alive}
), got AS (
	INSERT INTO {locks} AS l (lockid, data, leaseexpires, holder, operation, acquired_at, fence)
	SELECT $1::text, $2::text, {now} + pg_catalog.make_interval(secs => $3::float8), $4::text, $5::text, {now}, {nextval}
	WHERE NOT EXISTS (SELECT FROM held) AND ((SELECT ahead FROM queue) = 0 OR EXISTS (SELECT FROM mine)) AND {durable}
	ON CONFLICT (lockid) DO UPDATE SET data = excluded.data, leaseexpires = {now} + pg_catalog.make_interval(secs => $3::float8),
		holder = excluded.holder, operation = excluded.operation, acquired_at = {now},
		fence = coalesce(CASE WHEN $7::bool AND l.data = excluded.data THEN l.fence END, {nextval})
	WHERE l.leaseexpires <= {now} OR ($7::bool AND l.data = excluded.data)
	RETURNING l.fence AS fence, {nextval} AS later
), gone AS (
	DELETE FROM {waiters} AS w WHERE w.ticket = $6::bigint AND EXISTS (SELECT FROM got)
), beat AS (
	UPDATE {waiters} AS w SET heartbeat_at = {now} WHERE w.ticket = $6::bigint AND NOT EXISTS (SELECT FROM got) RETURNING w.ticket
)
SELECT coalesce(got.fence, 0), coalesce(got.later, 0), queue.waiting, queue.ahead, queue.first, queue.errand, (SELECT count(*) FROM beat),
	held.lockid IS NOT NULL, coalesce(held.lockid, ''), coalesce(held.data, ''), coalesce(held.holder, ''), coalesce(held.operation, ''),
	coalesce(held.fence, 0), coalesce(held.acquired, 0), coalesce(held.expires, 0), coalesce(held.remaining, 0), coalesce(held.endless, false)
FROM queue LEFT JOIN got ON true LEFT JOIN held ON true`

// $1 name, $2 the fence it has, $3 the one it gets.
const fenceSQL = `UPDATE {locks} AS l SET fence = $3::bigint WHERE l.lockid = $1::text AND l.fence IN ($2::bigint, $3::bigint) AND {durable}`

// $1 name, $2 holder, $3 operation, $4 request. It also sweeps what died long ago, and a ticket of
// this request whose number was lost.
const drawSQL = `WITH gone AS (
	DELETE FROM {waiters} AS w WHERE w.heartbeat_at < {now} - interval '1 hour' OR (w.lockid = $1::text AND w.request = $4::text)
)
INSERT INTO {waiters} (lockid, holder, operation, request) VALUES ($1::text, $2::text, $3::text, $4::text) RETURNING ticket`

// $1 name, $2 request. Who was behind may be the first now, and hears of it.
const leaveSQL = `WITH gone AS (
	DELETE FROM {waiters} AS w WHERE w.lockid = $1::text AND w.request = $2::text RETURNING w.ticket
), told AS (
	SELECT {told} FROM {waiters} AS w WHERE w.lockid = $1::text AND {alive} AND w.ticket NOT IN (SELECT ticket FROM gone)
	HAVING min(w.ticket) IS NOT NULL AND EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM told`

// $1 name, $2 fence, $3 seconds.
const renewSQL = `UPDATE {locks} AS l SET leaseexpires = {now} + pg_catalog.make_interval(secs => $3::float8)
WHERE l.lockid = $1::text AND l.fence = $2::bigint AND {durable}`

// $1 name, $2 fence or data. It returns a row if it did something. Only the first who waits hears of
// it: a hundred that try at once would be in each other's way.
const releaseSQL = `DELETE FROM {locks} AS l WHERE l.lockid = $1::text AND %s AND {durable} RETURNING (
	SELECT {told} FROM {waiters} AS w WHERE w.lockid = $1::text AND {alive} HAVING min(w.ticket) IS NOT NULL
) IS NOT NULL`

// $1 name.
const lookSQL = `SELECT {held} FROM {locks} AS l WHERE l.lockid = $1::text`

const listSQL = `SELECT {held}, (SELECT count(*) FROM {waiters} AS w WHERE w.lockid = l.lockid AND {alive})
FROM {locks} AS l ORDER BY l.lockid`

// listPlainSQL is for a table that was made by hand and has three columns.
const listPlainSQL = `SELECT {held}, 0::bigint FROM (SELECT lockid, data, leaseexpires, NULL::text AS holder, NULL::text AS operation,
	NULL::timestamptz AS acquired_at, NULL::bigint AS fence FROM {locks}) AS l ORDER BY l.lockid`

// $1 name, $2 data, $3 fence, $4 end in microseconds, $5 force, $6 the call of Break. A lock with a fence
// is known by it, renewed or not; one that somebody wrote by hand is known by its text and its end.
//
// What is removed leaves proof of who did it, so that a caller whose answer is lost can tell it from a
// lock that its holder gave back. The proof is a ticket for a lock without a name, which nobody can
// wait for; drawSQL sweeps those whose caller died.
const removeSQL = `WITH seen AS (
	SELECT l.lockid FROM {locks} AS l WHERE l.lockid = $1::text AND {same}
), gone AS (
	DELETE FROM {locks} AS l WHERE l.lockid = $1::text AND {same} AND ($5::bool OR l.leaseexpires <= {now}) AND {durable} RETURNING 1
), proof AS (
	INSERT INTO {waiters} (lockid, request) SELECT '', $6::text FROM gone
), told AS (
	SELECT {told} FROM {waiters} AS w WHERE w.lockid = $1::text AND {alive}
	HAVING min(w.ticket) IS NOT NULL AND EXISTS (SELECT FROM gone)
)
SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM gone), (SELECT count(*) FROM told)`

// $1 the call of Break.
const (
	removedSQL = `SELECT EXISTS (SELECT FROM {waiters} AS w WHERE w.lockid = '' AND w.request = $1::text)`
	forgetSQL  = `DELETE FROM {waiters} AS w WHERE w.lockid = '' AND w.request = $1::text`
)

const sameLock = `coalesce(l.data, '') = $2::text AND coalesce(l.fence, 0) = $3::bigint AND (l.fence IS NOT NULL OR
	CASE WHEN isfinite(l.leaseexpires) THEN extract(epoch FROM l.leaseexpires) * 1000000 ELSE 0 END::bigint = $4::bigint)`
