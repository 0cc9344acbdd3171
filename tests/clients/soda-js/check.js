// soda-js, unchanged, against a server of ours: one operation after another, each answer as a line of JSON.
// node check.js <domain> <key id> <secret> <dataset> <steps as JSON>
const soda = require('soda-js');

const [domain, username, password, dataset, steps] = process.argv.slice(2);
const producer = new soda.Producer(domain, { username, password });
const consumer = new soda.Consumer(domain);

function told(emitter) {
  return new Promise((resolve) => {
    emitter.on('success', (body) => resolve({ success: body }));
    emitter.on('error', (body) => resolve({ error: body }));
  });
}

function written([name, ...given]) {
  return told(producer.operation().withDataset(dataset)[name](...given));
}

function read(clauses) {
  const query = consumer.query().withDataset(dataset);
  for (const [name, ...given] of clauses) query[name](...given);
  return told(query.getRows());
}

(async () => {
  for (const step of JSON.parse(steps)) {
    const answer = await (Array.isArray(step[0]) || step.length === 0 ? read(step) : written(step));
    console.log(JSON.stringify(answer));
  }
})();
