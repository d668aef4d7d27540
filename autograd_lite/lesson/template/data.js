"use strict";
// Shows one frame of the data after another. Sentences and formulas are templates; the numbers in
// them are what the learner's program computes, here, at the numbers that its inputs have now.

const data = JSON.parse(document.getElementById("data").textContent);
const { frames, values, arrays, bumps } = data;
const $ = (id) => document.getElementById(id);
let step = 0;
