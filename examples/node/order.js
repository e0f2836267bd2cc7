// One order, traced with the AWS X-Ray SDK for Node.
//
//     npm install aws-xray-sdk-core
//     AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 node order.js
'use strict';

const xray = require('aws-xray-sdk-core');

const order = new xray.Segment('order-service');
order.addAnnotation('order_id', 'order-12345');
const step = order.addNewSubsegment('validate_inventory');
step.addMetadata('item', {sku: 'fountain-pen', quantity: 2});
step.close();
order.close();
console.log(`sent trace ${order.trace_id}`);
