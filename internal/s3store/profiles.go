package s3store

import "slices"

// profiles are the known services, in documentation order: clouds, then servers of one's own. Where
// the sources of a service say nothing, its profile says nothing either, and the live bucket is asked.
var profiles = slices.Concat(
	[]Profile{awsProfile, scalewayProfile, ovhProfile, r2Profile, spacesProfile, b2Profile, wasabiProfile, hetznerProfile,
		exoscaleProfile, ionosProfile, linodeProfile},
	[]Profile{minioProfile, cephProfile, garageProfile, seaweedfsProfile, versityProfile, customProfile},
)

// lifecycleAll marks the lifecycle capability and all its parts.
func lifecycleAll(m map[Capability]Support, s Support) map[Capability]Support {
	if m == nil {
		m = map[Capability]Support{}
	}
	for _, c := range []Capability{
		CapLifecycle, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep,
		CapLifecycleAbortUploads, CapLifecycleDeleteMarkers, CapLifecycleExpirations,
	} {
		if _, set := m[c]; !set {
			m[c] = s
		}
	}
	return m
}

// noVersions marks what needs versions, for a service that keeps none.
func noVersions(m map[Capability]Support) map[Capability]Support {
	for _, c := range []Capability{CapVersioning, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep, CapLifecycleDeleteMarkers, CapObjectLock} {
		m[c] = Unsupported
	}
	return m
}

// The reasons that several services share.
const (
	undocumentedTLS = "that the service understands the condition aws:SecureTransport is not documented, and one that ignores it would deny everything to everyone. If you know that it does, write the statement into policy"
	proxiedTLS      = "behind a proxy that ends TLS, as is usual, such a service takes every request for a plain-http one, and the policy would deny everything to everyone. If yours knows better, write the statement into policy"
	noPolicies      = "it has no bucket policies"
)
