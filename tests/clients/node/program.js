// Ordinary programs that use the X-Ray SDK for Node; the daemon's address comes from the environment.
//
//     node program.js SCENARIO
'use strict';

const http = require('http');
const xray = require('aws-xray-sdk-core');
const xrayExpress = require('aws-xray-sdk-express');
const express = require('express');

xray.middleware.disableCentralizedSampling();
xray.middleware.setSamplingRules({version: 2, default: {fixed_target: 0, rate: 1}});

function listen(handler) {
  return new Promise((resolve) => {
    const server = http.createServer(handler).listen(0, '127.0.0.1', () => resolve(server));
  });
}

function get(client, port, path) {
  return new Promise((resolve, reject) => {
    const request = client.get({host: '127.0.0.1', port, path}, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
  });
}

// An express service whose handler calls another one through a captured http.
async function expressService() {
  const captured = xray.captureHTTPs(http);
  const inventory = await listen((request, response) => {
    response.statusCode = 503;
    response.end('closed');
  });

  const app = express();
  app.use(xrayExpress.openSegment('shop'));
  app.get('/orders/:id', async (request, response, next) => {
    const segment = xray.getSegment();
    segment.addAnnotation('order', request.params.id);
    segment.addMetadata('cart', {items: [{sku: 'pen', price: 1.25}], note: null}, 'shop');
    segment.setUser('alice');
    try {
      await xray.captureAsyncFunc('validate_inventory', async (step) => {
        step.addAnnotation('express', true);
        await get(captured, inventory.address().port, '/stock?item=pen');
        step.close();
      });
      response.json({stock: false});
    } catch (error) {
      next(error);
    }
  });
  app.get('/fail', () => {
    throw new RangeError('out of range');
  });
  app.use(xrayExpress.closeSegment());
  app.use((error, request, response, next) => response.status(500).end());

  const server = await listen(app);
  await get(http, server.address().port, '/orders/12345');
  await get(http, server.address().port, '/orders/missing');
  await get(http, server.address().port, '/fail');
  server.close();
  inventory.close();
}

// More open subsegments than the SDK keeps: finished ones go ahead of the segment.
async function streaming() {
  const segment = new xray.Segment('streaming');
  const steps = [];
  for (let i = 0; i < 150; i++) {
    const step = segment.addNewSubsegment(`batch ${i}`);
    step.addAnnotation('number', i);
    step.addNewSubsegment('item').close();
    steps.push(step);
  }
  steps.forEach((step) => step.close());
  segment.close();
}

const scenarios = {expressService, streaming};
scenarios[process.argv[2]]();
