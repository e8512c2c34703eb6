// Package imitate stands in for S3 services that no test can run: a real server behind a proxy that
// takes away what the service lacks, and keeps what the server behind lacks.
//
//	service := imitate.Start(t, imitate.Garage)
//	// service.Endpoint, service.Region, service.AccessKey, service.SecretKey; the profile is
//	// called string(service.Name)
//
// An imitation knows what the sources of the service's profile say, and no more. Where they say
// nothing it refuses the call, which is the harder case for a client. It is no proof of how the
// service behaves: it proves what groundwork does with a service that behaves so.
package imitate
