package realserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kafkaSettings are one node that is broker and controller. It needs no partition more
// than it has, forms groups without a pause, and is let in again soon after a kill.
const kafkaSettings = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:CONTROLLER_PORT
listeners=CLIENT://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CONTROLLER_PORT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=FOLDER
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
log.segment.bytes=16777216
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
`

// kafkaIdentity is what the tool kafka-storage writes into a new folder.
const kafkaIdentity = `version=1
cluster.id=MkU3OEVBNTcwNTJENDM2Qk
node.id=1
`

// Kafka runs a Kafka broker, a cluster of one. Its topics are on disk and survive a kill.
// Settings are further lines of its configuration; PORT in them is the port of its
// listener CLIENT.
func Kafka(t testing.TB, settings ...string) *Server {
	t.Helper()
	jars := os.Getenv("SINEW_KAFKA")
	java, err := exec.LookPath("java")
	if err != nil || jars == "" {
		doWithout(t, "SINEW_KAFKA", errors.New("this test needs Java, and in SINEW_KAFKA the folder of Kafka's jars that .ci/server kafka prints"))
	}
	ports := freePorts(t, 2)
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "kafka.properties")
	text := strings.NewReplacer("CONTROLLER_PORT", ports[1], "PORT", ports[0], "FOLDER", data).
		Replace(kafkaSettings + strings.Join(settings, "\n"))
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
		Addr:    address,
		program: java,
		args: []string{
			"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // starts soon, and needs little
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*"), "kafka.Kafka", file,
		},
		check: func() error {
			err := checkKafka(address)
			if errors.Is(err, io.EOF) && strings.Contains(text, "SASL") {
				return nil // it answers to nobody without credentials
			}
			return err
		},
		log: filepath.Join(dir, "kafka.log"),
	})
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
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
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
