package sdkgen

import (
	"bytes"
	"encoding/xml"

	java "github.com/pulumi/pulumi-java/pkg/codegen/java"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// javaSDK is the Pulumi SDK that the Java SDK is compiled against, and javaRelease the oldest Java
// that it runs on.
const (
	javaSDK     = "1.36.1"
	javaRelease = "11"
)

type mavenProject struct {
	XMLName      xml.Name          `xml:"http://maven.apache.org/POM/4.0.0 project"`
	ModelVersion string            `xml:"modelVersion"`
	GroupID      string            `xml:"groupId"`
	ArtifactID   string            `xml:"artifactId"`
	Version      string            `xml:"version"`
	Name         string            `xml:"name"`
	Description  string            `xml:"description"`
	URL          string            `xml:"url"`
	License      string            `xml:"licenses>license>name"`
	Encoding     string            `xml:"properties>project.build.sourceEncoding"`
	Release      string            `xml:"properties>maven.compiler.release"`
	Dependencies []mavenDependency `xml:"dependencies>dependency"`
	Plugin       mavenDependency   `xml:"build>plugins>plugin"`
}

type mavenDependency struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
}

// pom makes the build file: the generator writes one for Gradle only, with plugins of its own.
func pom(p *schema.Package) []byte {
	group := ""
	if info, ok := p.Language["java"].(*java.PackageInfo); ok {
		group = info.BasePackage
	}
	project := mavenProject{
		ModelVersion: "4.0.0", GroupID: group, ArtifactID: p.Name, Version: p.Version.String(),
		Name: p.Name, Description: p.Description, URL: p.Homepage, License: p.License,
		Encoding: "UTF-8", Release: javaRelease,
		Dependencies: []mavenDependency{
			{"com.pulumi", "pulumi", javaSDK},
			{"com.google.code.findbugs", "jsr305", "3.0.2"},
			{"com.google.code.gson", "gson", "2.14.0"},
		},
		Plugin: mavenDependency{"org.apache.maven.plugins", "maven-compiler-plugin", "3.14.1"},
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(project); err != nil {
		panic(err) // the types above can be encoded
	}
	out.WriteByte('\n')
	return out.Bytes()
}
