package realserver

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kafkaSettings are those of a cluster of one. .ci/server uses them, too.
//
//go:embed kafka.properties
var kafkaSettings string

// kafkaIdentity is what the tool kafka-storage writes into a new folder.
const kafkaIdentity = `version=1
cluster.id=MkU3OEVBNTcwNTJENDM2Qk
node.id=1
`

// The credentials that Kafka's listener with SASL accepts, by the mechanism PLAIN.
const (
	KafkaUser     = "me"
	KafkaPassword = "hunter2"
)

// Kafka runs a Kafka broker, a cluster of one. Its topics are on disk and survive a kill.
func Kafka(t testing.TB) *Server {
	t.Helper()
	jars := os.Getenv("SINEW_KAFKA")
	java, err := exec.LookPath("java")
	if err != nil || jars == "" {
		doWithout(t, "SINEW_KAFKA", errors.New("this test needs Java, and in SINEW_KAFKA the folder of Kafka's jars that .ci/server kafka prints"))
	}
	ports := freePorts(t, 3)
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "kafka.properties")
	text := strings.NewReplacer("CONTROLLER_PORT", ports[1], "SASL_PORT", ports[2], "PORT", ports[0], "FOLDER", data).Replace(kafkaSettings)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{file: text, filepath.Join(data, "meta.properties"): kafkaIdentity} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := "127.0.0.1:" + ports[0]
	return run(t, &Server{
		Addr:     address,
		SASLAddr: "127.0.0.1:" + ports[2],
		program:  java,
		args: append(classArchive(jars),
			"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // starts soon, and needs little
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*"), "kafka.Kafka", file,
		),
		check: func() error { return checkKafka(address) },
		log:   filepath.Join(dir, "kafka.log"),
	})
}

// classArchive is the option for the archive of loaded classes that .ci/server makes, with
// which a broker starts in half the time. Java ignores one that does not fit.
func classArchive(jars string) []string {
	archive := filepath.Join(jars, "kafka.jsa")
	if _, err := os.Stat(archive); err != nil {
		return nil
	}
	return []string{"-XX:SharedArchiveFile=" + archive}
}

// metadataRequest asks for the brokers and for no topic: Metadata in version 4.
var metadataRequest = []byte{
	0, 0, 0, 15, // length
	0, 3, 0, 4, // kind and version
	0, 0, 0, 1, // correlation
	0xff, 0xff, // no client id
	0, 0, 0, 0, // no topics
	0, // create none
}

// checkKafka asks for the brokers. The broker itself is among them when the controller has
// let it in.
func checkKafka(address string) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(metadataRequest); err != nil {
		return err
	}
	var answer struct{ Length, Correlation, Throttle, Brokers int32 }
	if err := binary.Read(io.LimitReader(conn, 16), binary.BigEndian, &answer); err != nil {
		return err
	}
	if answer.Brokers != 1 {
		return fmt.Errorf("the cluster has %d brokers yet", answer.Brokers)
	}
	return nil
}
