// Calls the methods of grpc.testing.TestService over gRPC-Web, and prints what it gets.
// Arguments: the folder with node_modules, the URL of the service, and a
// FileDescriptorSet in base64.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, baseUrl, files] = process.argv.slice(2);
const from = createRequire(folder + "/package.json");
const load = (name) => import(pathToFileURL(from.resolve(name)));

const { createFileRegistry, fromBinary } = await load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = await load("@bufbuild/protobuf/wkt");
const { Code, createClient } = await load("@connectrpc/connect");
const { createGrpcWebTransport } = await load("@connectrpc/connect-node");

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(files, "base64")));
const service = registry.getService("grpc.testing.TestService");
const client = createClient(service, createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }));
const print = (name, value) => console.log(`${name}: ${value}`);

const answer = await client.unaryCall({ responseSize: 314, payload: { body: new Uint8Array(27) } });
print("unary", answer.payload.body.length);

const sizes = [];
for await (const m of client.streamingOutputCall({ responseParameters: [{ size: 3 }, { size: 5 }] })) {
  sizes.push(m.payload.body.length);
}
print("stream", sizes);

try {
  await client.unaryCall({ responseStatus: { code: Code.NotFound, message: "no such thing" } });
} catch (e) {
  print("failure", `${Code[e.code]} ${e.rawMessage}`);
}

try {
  for await (const _ of client.streamingOutputCall({ responseStatus: { code: Code.ResourceExhausted, message: "too much" } })) {
    print("stream", "has begun");
  }
} catch (e) {
  print("failed stream", `${Code[e.code]} ${e.rawMessage}`);
}
