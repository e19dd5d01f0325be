import { stringify } from 'csv-stringify/sync'
import { describe, expect, it } from 'vitest'
import { localTable, paperTable, type Table, trafficTable, unifiedTable } from '../../src/runs/tables.ts'
import { ownerTrained, roundFinished, started } from '../support/events.ts'
import { evaluation } from '../support/fake-owner.ts'

const round = roundFinished(3, [951, 980], { avg: 6449, max: 2714, absmax: 1 })

/** The table's text after one round. */
const csv = (table: Table, event = round, start = started({ merges: ['avg', 'max', 'absmax'] })) =>
  stringify([table.columns(start), ...table.rows(event, start)])

describe('local.csv', () => {
  it('has a row for each owner, accuracies as fractions', () => {
    expect(localTable.file).toBe('local.csv')
    expect(csv(localTable)).toBe(
      'round,owner,epochs,train_images,train_loss,local_accuracy,copied_accuracy\n' +
        '3,1,1,60,0.25,0.951,0.1\n' +
        '3,2,1,60,0.25,0.98,0.1\n',
    )
  })
})

describe('unified.csv', () => {
  it('has a row for each merge, accuracies as fractions, the loss as a mean', () => {
    expect(unifiedTable.file).toBe('unified.csv')
    expect(csv(unifiedTable)).toBe(
      'round,merge,owners,accuracy,loss\n3,avg,2,0.6449,0.3551\n3,max,2,0.2714,0.7286\n3,absmax,2,0.0001,0.9999\n',
    )
  })

  it('keeps every digit of a fraction', () => {
    const third = { ...round, merges: [{ merge: 'avg' as const, unified: evaluation(1, 3), evaluatedBy: 2 }] }
    expect(csv(unifiedTable, third)).toContain('0.3333333333333333,')
  })
})

describe('table.csv', () => {
  it('is shaped as the paper’s tables, in percent with two decimals', () => {
    expect(paperTable.file).toBe('table.csv')
    expect(csv(paperTable)).toBe('epoch,local_1,local_2,avg,max,absmax\n3,95.10,98.00,64.49,27.14,0.01\n')
  })
})

describe('traffic.csv', () => {
  it('has a row for each owner, in bytes', () => {
    expect(trafficTable.file).toBe('traffic.csv')
    expect(csv(trafficTable)).toBe('round,owner,down_bytes,up_bytes\n3,1,2000,1000\n3,2,2000,1000\n')
  })
})

describe('the pooled baseline', () => {
  it('is one more row and one more column, where there is one', () => {
    const baseline = { ...ownerTrained(3, 0, evaluation(9000, 10_000)), weights: new Map() }
    const event = roundFinished(3, [951, 980], { avg: 6449 }, { baseline })
    const start = started({ baseline: true })
    expect(csv(unifiedTable, event, start).split('\n')[2]).toBe('3,pooled,2,0.9,0.1')
    expect(csv(paperTable, event, start)).toBe('epoch,local_1,local_2,avg,pooled\n3,95.10,98.00,64.49,90.00\n')
    for (const table of [localTable, trafficTable]) expect(csv(table, event, start)).toBe(csv(table))
  })
})

describe('an owner that shares no metrics', () => {
  const [alice, bob] = round.locals
  const silent = { ...bob!, loss: undefined, local: undefined, copied: undefined }
  const start = started({ withoutMetrics: [2] })

  it('has empty cells, and a column says how many owners a model was evaluated by', () => {
    const merges = [{ merge: 'avg', unified: evaluation(600, 1000), evaluatedBy: 1 }]
    const event = { ...round, locals: [alice!, silent], merges }
    expect(csv(localTable, event, start).split('\n').slice(1, 3)).toEqual(['3,1,1,60,0.25,0.951,0.1', '3,2,1,60,,,'])
    expect(csv(unifiedTable, event, start)).toBe('round,merge,owners,accuracy,loss,evaluated_by\n3,avg,2,0.6,0.4,1\n')
    expect(csv(paperTable, event, start)).toBe('epoch,local_1,local_2,avg\n3,95.10,,60.00\n')
  })

  it('leaves no accuracy if there is no other', () => {
    const locals = [{ ...silent, owner: 1 }, silent]
    const event = { ...round, locals, merges: [{ merge: 'avg', unified: undefined, evaluatedBy: 0 }] }
    const nobody = started({ withoutMetrics: [1, 2] })
    expect(csv(unifiedTable, event, nobody)).toBe('round,merge,owners,accuracy,loss,evaluated_by\n3,avg,2,,,0\n')
    expect(csv(paperTable, event, nobody)).toBe('epoch,local_1,local_2,avg\n3,,,\n')
  })
})
