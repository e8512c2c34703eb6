package pglock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// privilege is one entry of an access list.
type privilege struct {
	relation string
	role     string // empty is PUBLIC
	name     string
	option   bool // may be granted on
}

// roleState is a role that a grant is about.
type roleState struct {
	exists, usesSchema, connects, alters bool
	// onlyHere tells that the role was let into the schema and has nothing but this table there.
	onlyHere bool
}

// What a role needs to lock, and no more: TRUNCATE would free every lock, and UPDATE on the
// sequence would set fences back.
var (
	tablePrivileges = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
	fencePrivileges = []string{"USAGE"}
)

// RoleGrant is what a role may do with a lock table, compared with what it needs to lock.
type RoleGrant struct {
	Role string
	// Exists tells that there is such a role.
	Exists bool
	// Missing and Excess are privileges such as "INSERT on public.pulumi_state_locks". Owners have
	// neither.
	Missing, Excess []string
	// CanAlter tells that the role can alter or drop the table by other means: it is a superuser, or
	// acts as the owner of the table or its schema.
	CanAlter bool
	// CanConnect tells that the role may connect to the database at all.
	CanConnect bool
}

// parts are the relations with what a role needs on each. To draw a ticket takes no right on the
// sequence behind it.
func (s *tableState) parts() map[string][]string {
	parts := map[string][]string{
		s.table.Name: tablePrivileges, s.table.waiters(): tablePrivileges, s.table.fence(): fencePrivileges,
	}
	if s.tickets.exists {
		parts[s.ticketsName] = nil
	}
	return parts
}

// sqlOf names a part in a GRANT.
func (s *tableState) sqlOf(name string) string {
	kind := "TABLE "
	if name == s.table.fence() || name == s.ticketsName {
		kind = "SEQUENCE "
	}
	return kind + ident(s.table.Schema, name)
}

// held returns the privileges of a role on a part.
func (s *tableState) held(part, role string) (plain, options []string) {
	for _, p := range s.acl {
		if p.relation == part && p.role == role {
			plain = append(plain, p.name)
			if p.option {
				options = append(options, p.name)
			}
		}
	}
	return plain, options
}

// public lists what everybody may do.
func (s *tableState) public() []string {
	var found []string
	for _, p := range s.acl {
		if p.role == "" {
			found = append(found, p.name+" on "+ident(s.table.Schema, p.relation))
		}
	}
	return found
}

// others lists the roles that have any privilege and are not among the given ones.
func (s *tableState) others(roles []string) []string {
	found := map[string]bool{}
	for _, p := range s.acl {
		if p.role != "" && !slices.Contains(roles, p.role) {
			found[p.role] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// grantSteps brings the privileges of the roles of a spec to what they should be.
func (s *tableState) grantSteps(spec TableSpec) []step {
	steps := s.publicSteps(spec.Grants != nil)
	for _, role := range spec.Grants {
		steps = append(steps, s.roleSteps(role)...)
	}
	for _, role := range spec.Revoke {
		steps = append(steps, s.revokeSteps(role)...)
	}
	return steps
}

// publicSteps takes away what ALTER DEFAULT PRIVILEGES gives to everybody. What stands beside the
// table is groundwork's own; the table's own grants may be somebody's.
func (s *tableState) publicSteps(tableToo bool) []step {
	var steps []step
	for _, part := range slices.Sorted(maps.Keys(s.parts())) {
		if part == s.table.Name && !tableToo {
			continue
		}
		if held, _ := s.held(part, ""); len(held) > 0 {
			steps = append(steps, s.grantStep(part, fmt.Sprintf("REVOKE ALL ON %s FROM PUBLIC", s.sqlOf(part))))
		}
	}
	return steps
}

func (s *tableState) roleSteps(role string) []step {
	var steps []step
	if !s.roles[role].usesSchema {
		sql := fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", ident(s.table.Schema), ident(role))
		steps = append(steps, step{what: "USAGE on schema " + ident(s.table.Schema) + " for " + ident(role), sql: sql, remedy: sql})
	}
	for _, part := range slices.Sorted(maps.Keys(s.parts())) {
		if s.relationOf(part).owner == role {
			continue // an owner has every right already
		}
		missing, excess, options := s.compare(part, role)
		on := s.sqlOf(part)
		if len(missing) > 0 {
			steps = append(steps, s.grantStep(part, fmt.Sprintf("GRANT %s ON %s TO %s", strings.Join(missing, ", "), on, ident(role))))
		}
		if len(excess) > 0 {
			steps = append(steps, s.grantStep(part, fmt.Sprintf("REVOKE %s ON %s FROM %s", strings.Join(excess, ", "), on, ident(role))))
		}
		if len(options) > 0 {
			steps = append(steps, s.grantStep(part, fmt.Sprintf("REVOKE GRANT OPTION FOR %s ON %s FROM %s", strings.Join(options, ", "), on, ident(role))))
		}
	}
	return steps
}

// compare returns what a role lacks, has too much, and may grant on.
func (s *tableState) compare(part, role string) (missing, excess, options []string) {
	want := s.parts()[part]
	have, grantable := s.held(part, role)
	for _, w := range want {
		if !slices.Contains(have, w) {
			missing = append(missing, w)
		}
	}
	for _, h := range have {
		switch {
		case !slices.Contains(want, h):
			excess = append(excess, h)
		case slices.Contains(grantable, h):
			options = append(options, h)
		}
	}
	return missing, excess, options
}

func (s *tableState) revokeSteps(role string) []step {
	if !s.roles[role].exists {
		return nil
	}
	var steps []step
	for _, part := range slices.Sorted(maps.Keys(s.parts())) {
		if held, _ := s.held(part, role); len(held) > 0 {
			steps = append(steps, s.grantStep(part, fmt.Sprintf("REVOKE ALL ON %s FROM %s", s.sqlOf(part), ident(role))))
		}
	}
	// Who may enter a schema of somebody else's is theirs to say.
	if s.schemaComment == markSchema && s.roles[role].onlyHere {
		schema := ident(s.table.Schema)
		sql := fmt.Sprintf("REVOKE ALL ON SCHEMA %s FROM %s", schema, ident(role))
		steps = append(steps, step{what: sql, sql: sql, remedy: fmt.Sprintf("ALTER SCHEMA %s OWNER TO "+me, schema)})
	}
	return steps
}

func (s *tableState) grantStep(part, sql string) step {
	return step{what: sql, sql: sql, remedy: fmt.Sprintf("ALTER %s OWNER TO "+me, s.sqlOf(part))}
}

// roleGrants compares the roles with what they need.
func (s *tableState) roleGrants(roles []string) []RoleGrant {
	var grants []RoleGrant
	for _, role := range roles {
		state := s.roles[role]
		g := RoleGrant{Role: role, Exists: state.exists, CanAlter: state.alters, CanConnect: state.connects}
		if state.exists && !state.usesSchema {
			g.Missing = append(g.Missing, "USAGE on schema "+ident(s.table.Schema))
		}
		for _, part := range slices.Sorted(maps.Keys(s.parts())) {
			relation := s.relationOf(part)
			if !relation.exists || relation.owner == role {
				continue
			}
			missing, excess, options := s.compare(part, role)
			on := " on " + ident(s.table.Schema, part)
			for _, name := range missing {
				g.Missing = append(g.Missing, name+on)
			}
			for _, name := range excess {
				g.Excess = append(g.Excess, name+on)
			}
			for _, name := range options {
				g.Excess = append(g.Excess, name+on+" with grant option")
			}
		}
		grants = append(grants, g)
	}
	return grants
}
